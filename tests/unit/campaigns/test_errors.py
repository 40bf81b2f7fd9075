"""Every refusal of the domain has its reason in the proto, and the proto has no reason that is never given."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from kehu.campaigns.v1.errors_pb2 import ErrorReason

from kit.errors import Fault
from services.campaigns.domain import errors

ID = uuid.uuid4()
FAULTS = [
    errors.coupon_template_not_found(ID),
    errors.coupon_not_found(ID),
    errors.segment_not_found(ID),
    errors.automation_not_found(ID),
    errors.profile_not_found(ID),
    errors.issue_limit_reached(ID, 3),
    errors.member_limit_reached(ID, 3),
    errors.budget_exhausted(ID),
    errors.template_ended(ID, datetime(2026, 1, 1, tzinfo=UTC)),
    errors.coupon_of_another_member(ID),
    errors.coupon_not_yet_valid(ID),
    errors.coupon_expired(ID),
    errors.coupon_locked(ID),
    errors.coupon_used(ID),
    errors.coupon_void(ID),
    errors.coupon_returned(ID, ID),
    errors.member_erased(ID),
    errors.coupon_currency_mismatch(ID, "EUR"),
    errors.minimum_spend_not_reached(ID, "5.00 EUR"),
    errors.coupon_not_stackable(ID),
    errors.coupon_without_effect(ID),
    errors.limit_below_issued("coupon_template.budget", "5.00 EUR"),
    errors.budget_needs_max_discount(),
    errors.order_too_large(),
    errors.rule_too_large("must not nest deeper than 5"),
]


def test_the_reasons_of_the_domain_are_those_of_the_proto() -> None:
    known = {value.name.removeprefix("ERROR_REASON_") for value in ErrorReason.DESCRIPTOR.values} - {"UNSPECIFIED"}
    assert {fault.reason for fault in FAULTS} == known


def test_every_part_of_a_message_that_changes_is_in_the_metadata_too() -> None:
    assert all(str(ID) not in fault.message or str(ID) in str(fault.metadata) for fault in FAULTS)


def test_no_refusal_of_the_domain_goes_away_by_itself() -> None:
    assert not any(fault.transient for fault in FAULTS)
    assert all(isinstance(fault, Fault) for fault in FAULTS)
