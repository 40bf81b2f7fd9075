"""Every reason of the proto has its refusal. That every refusal has its reason is checked with the page of errors."""

from __future__ import annotations

from kehu.orders.v1 import errors_pb2

from kit.money import Money
from kit.names import new_id
from services.orders.domain import errors
from services.orders.domain.errors import refund
from tests.support.builders.orders import NOW
from tools.generate import ROOT
from tools.raised import raised

CNY = Money(1, "CNY")
FAULTS = [
    errors.product_not_found(new_id()),
    errors.product_archived(new_id()),
    errors.sku_taken(),
    errors.stock_not_found("products/1/stocks/main"),
    errors.out_of_stock(new_id(), requested=2, available=1),
    errors.stock_reserved("products/1/stocks/main", on_hand=1, reserved=2),
    errors.order_not_found(new_id()),
    errors.order_state_invalid(new_id(), "PAID"),
    errors.order_expired(new_id(), NOW),
    errors.amount_mismatch(CNY, CNY),
    errors.currency_mixed(["CNY", "USD"]),
    errors.order_too_large("CNY"),
    errors.coupon_refused("", "COUPON_USED"),
    errors.points_refused(new_id(), "POINTS_INSUFFICIENT"),
    errors.points_unsuitable(1, value=CNY, total=CNY),
    errors.refund_exceeds_line(1, requested=2, refundable=1),
    errors.refund_exceeds_amount("the freight", requested=2, refundable=1),
    errors.overpaid(CNY, CNY),
    errors.payment_reused(),
    errors.line_not_found(1),
    errors.checkout_abandoned(),
    errors.row_repeated(),
    errors.row_conflicts("was refunded since"),
    refund.refund_not_found(new_id(), new_id()),
    refund.refund_state_invalid(new_id(), new_id(), "REJECTED"),
    refund.refund_own(new_id(), new_id()),
    refund.payout_not_found(1),
    refund.payout_state_invalid(1, "PENDING"),
]
OF_THE_EDGE = {"UNSPECIFIED", "ROW_INVALID"}


def test_every_reason_has_its_refusal() -> None:
    reasons = {name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.keys()}  # noqa: SIM118 - no dict
    assert reasons - raised(ROOT / "services" / "orders").keys() == OF_THE_EDGE


def test_every_dynamic_part_of_a_message_is_in_the_metadata() -> None:
    for fault in FAULTS:
        assert all(value in fault.message for value in fault.metadata.values() if value), fault
