"""StoredValueService."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import stored_value_pb2 as pb
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub

from tests.support.rpc import refused

RULES = "storedValueRules/CNY"


def yuan(units: int, fen: int = 0) -> Money:
    return Money(currency_code="CNY", units=units, nanos=fen * 10_000_000)


def top_up(member: str, units: int, **fields: Any) -> pb.CreateTopUpRequest:
    return pb.CreateTopUpRequest(top_up=pb.TopUp(**{"member": member, "amount": yuan(units), "store": "east"} | fields))


def pay(member: str, units: int, **fields: Any) -> pb.PayStoredValueRequest:
    return pb.PayStoredValueRequest(**{"member": member, "amount": yuan(units), "store": "west"} | fields)


@pytest.fixture
async def rich(stored_value: StoredValueServiceStub, member: str) -> str:
    """Somebody who paid in 100 and got 10 on top."""
    tiers = [pb.BonusTier(amount=yuan(100), bonus=yuan(10))]
    rules = pb.StoredValueRules(name=RULES, tiers=tiers)
    await stored_value.UpdateStoredValueRules(pb.UpdateStoredValueRulesRequest(stored_value_rules=rules))
    await stored_value.CreateTopUp(top_up(member, 100))
    return member


async def has(stored_value: StoredValueServiceStub, member: str) -> tuple[Money, Money]:
    found = await stored_value.GetStoredValue(pb.GetStoredValueRequest(name=f"{member}/storedValues/CNY"))
    return found.principal, found.bonus


async def test_a_top_up_comes_with_the_bonus_of_the_rules(stored_value: StoredValueServiceStub, rich: str) -> None:
    made = await stored_value.CreateTopUp(top_up(rich, 250, reference="wx/1"))
    assert (made.member, made.amount, made.bonus, made.rules_version) == (rich, yuan(250), yuan(10), 1)
    assert made == await stored_value.GetTopUp(pb.GetTopUpRequest(name=made.name))
    assert made == await stored_value.CreateTopUp(top_up(rich, 250, reference="wx/1"))
    assert await has(stored_value, rich) == (yuan(350), yuan(20))
    listed = await stored_value.ListTopUps(pb.ListTopUpsRequest(parent=rich, page_size=1))
    assert list(listed.top_ups) == [made]
    rest = await stored_value.ListTopUps(
        pb.ListTopUpsRequest(parent=rich, page_size=1, page_token=listed.next_page_token)
    )
    assert (len(rest.top_ups), rest.next_page_token) == (1, "")


async def test_a_payment_and_its_refunds_keep_the_ratio(stored_value: StoredValueServiceStub, rich: str) -> None:
    paid = await stored_value.PayStoredValue(pay(rich, 11, source="orders/1"))
    assert (paid.principal, paid.bonus, paid.state) == (yuan(10), yuan(1), pb.StoredValuePayment.STATE_PAID)
    back = await stored_value.RefundStoredValuePayment(
        pb.RefundStoredValuePaymentRequest(name=paid.name, amount=yuan(5, 50))
    )
    assert (back.principal, back.bonus, back.document, back.store) == (yuan(5), yuan(0, 50), paid.name, "west")
    await stored_value.RefundStoredValuePayment(pb.RefundStoredValuePaymentRequest(name=paid.name))
    assert await has(stored_value, rich) == (yuan(100), yuan(10))
    found = await stored_value.GetStoredValuePayment(pb.GetStoredValuePaymentRequest(name=paid.name))
    assert (found.refunded_principal, found.refunded_bonus) == (yuan(10), yuan(1))
    refusal = await refused(stored_value.RefundStoredValuePayment(pb.RefundStoredValuePaymentRequest(name=paid.name)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STORED_VALUE_EXCEEDED")


async def test_value_is_set_aside_confirmed_and_released(stored_value: StoredValueServiceStub, rich: str) -> None:
    request = pb.HoldStoredValueRequest(member=rich, amount=yuan(22), store="west", ttl=Duration(seconds=60))
    one, other = [await stored_value.HoldStoredValue(request) for _ in range(2)]
    found = await stored_value.GetStoredValue(pb.GetStoredValueRequest(name=f"{rich}/storedValues/CNY"))
    assert (found.held_principal, found.held_bonus) == (yuan(40), yuan(4))
    confirm = pb.ConfirmStoredValuePaymentRequest(name=one.name, amount=yuan(11))
    assert (await stored_value.ConfirmStoredValuePayment(confirm)).amount == yuan(11)
    released = await stored_value.ReleaseStoredValuePayment(pb.ReleaseStoredValuePaymentRequest(name=other.name))
    assert released.state == pb.StoredValuePayment.STATE_RELEASED
    assert await has(stored_value, rich) == (yuan(90), yuan(9))
    listed = await stored_value.ListStoredValuePayments(pb.ListStoredValuePaymentsRequest(parent=rich))
    assert [each.name for each in listed.stored_value_payments] == [other.name, one.name]


async def test_value_that_was_given_back_is_set_aside_once_more(
    stored_value: StoredValueServiceStub, rich: str
) -> None:
    hold = pb.HoldStoredValueRequest(
        member=rich, amount=yuan(22), store="west", source="orders/1", reference="orders/1/1"
    )
    first = await stored_value.HoldStoredValue(hold)
    renew = pb.RenewStoredValuePaymentRequest(name=first.name, reference="orders/2/1", ttl=Duration(seconds=60))
    one, again = [await stored_value.RenewStoredValuePayment(renew) for _ in range(2)]
    assert one == again
    assert (one.amount, one.member, one.store, one.source) == (yuan(22), rich, "west", "orders/1")
    earlier = await stored_value.GetStoredValuePayment(pb.GetStoredValuePaymentRequest(name=first.name))
    assert (earlier.state, one.state) == (pb.StoredValuePayment.STATE_RELEASED, pb.StoredValuePayment.STATE_HELD)
    assert await has(stored_value, rich) == (yuan(80), yuan(8))


async def test_a_top_up_is_paid_back(stored_value: StoredValueServiceStub, rich: str) -> None:
    (made,) = (await stored_value.ListTopUps(pb.ListTopUpsRequest(parent=rich))).top_ups
    request = pb.RefundTopUpRequest(name=made.name, reference="refunds/1")
    back = await stored_value.RefundTopUp(request)
    assert (back.principal, back.bonus, back.document) == (yuan(100), yuan(10), made.name)
    assert await stored_value.RefundTopUp(request) == back
    assert await has(stored_value, rich) == (yuan(0), yuan(0))


async def test_two_hundred_payments_of_ten_against_a_thousand_give_exactly_a_hundred(
    stored_value: StoredValueServiceStub, member: str
) -> None:
    await stored_value.CreateTopUp(top_up(member, 1_000))
    outcomes = await asyncio.gather(
        *(stored_value.PayStoredValue(pay(member, 10)) for _ in range(200)), return_exceptions=True
    )
    assert sum(isinstance(outcome, grpc.aio.AioRpcError) for outcome in outcomes) == 100
    assert await has(stored_value, member) == (yuan(0), yuan(0))


async def test_the_same_request_pays_once(stored_value: StoredValueServiceStub, rich: str) -> None:
    request = pay(rich, 11, request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(stored_value.PayStoredValue(request) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert await has(stored_value, rich) == (yuan(90), yuan(9))


async def test_each_currency_is_apart(stored_value: StoredValueServiceStub, rich: str) -> None:
    await stored_value.CreateTopUp(top_up(rich, 5, amount=Money(currency_code="JPY", units=500)))
    listed = await stored_value.ListStoredValues(pb.ListStoredValuesRequest(parent=rich, page_size=1))
    assert [each.name for each in listed.stored_values] == [f"{rich}/storedValues/CNY"]
    rest = await stored_value.ListStoredValues(
        pb.ListStoredValuesRequest(parent=rich, page_size=1, page_token=listed.next_page_token)
    )
    assert [each.principal for each in rest.stored_values] == [Money(currency_code="JPY", units=500)]
    assert rest.next_page_token == ""


async def test_rules_change_by_mask_and_etag(stored_value: StoredValueServiceStub, rich: str) -> None:
    known = await stored_value.GetStoredValueRules(pb.GetStoredValueRulesRequest(name=RULES))
    assert (known.version, known.draw_order) == (1, pb.DRAW_ORDER_PROPORTIONAL)
    rules = pb.StoredValueRules(name=RULES, draw_order=pb.DRAW_ORDER_BONUS_FIRST, etag=known.etag)
    request = pb.UpdateStoredValueRulesRequest(stored_value_rules=rules, update_mask=FieldMask(paths=["draw_order"]))
    changed = await stored_value.UpdateStoredValueRules(request)
    assert (changed.version, len(changed.tiers)) == (2, 1)
    assert (await refused(stored_value.UpdateStoredValueRules(request))).reason == "ETAG_MISMATCH"
    assert (await stored_value.PayStoredValue(pay(rich, 11))).bonus == yuan(10)


async def test_rules_that_fall_are_refused(stored_value: StoredValueServiceStub) -> None:
    tiers = [pb.BonusTier(amount=yuan(units), bonus=yuan(1)) for units in (200, 100)]
    rules = pb.StoredValueRules(name=RULES, tiers=tiers)
    refusal = await refused(
        stored_value.UpdateStoredValueRules(pb.UpdateStoredValueRulesRequest(stored_value_rules=rules))
    )
    assert (refusal.reason, refusal.fields) == (
        "STORED_VALUE_RULES_INVALID",
        ["stored_value_rules.tiers[1].amount"],
    )


async def test_a_settlement_names_every_store_and_sums_to_zero(stored_value: StoredValueServiceStub, rich: str) -> None:
    await stored_value.PayStoredValue(pay(rich, 55))
    report = await stored_value.GetSettlementReport(
        pb.GetSettlementReportRequest(
            currency_code="CNY", start_time=Timestamp(seconds=0), end_time=Timestamp(seconds=4_102_444_800)
        )
    )
    assert [(line.store, line.net) for line in report.stores] == [("east", yuan(-110)), ("west", yuan(55))]
    assert (report.issuer.net_principal, report.issuer.net_bonus, report.issuer.net) == (yuan(50), yuan(5), yuan(55))


@pytest.mark.parametrize(
    "amount", [yuan(0), yuan(-1), Money(currency_code="CNY", nanos=1), Money(currency_code="yuan")]
)
async def test_an_amount_must_be_one(stored_value: StoredValueServiceStub, rich: str, amount: Money) -> None:
    for call in (
        stored_value.CreateTopUp(top_up(rich, 0, amount=amount)),
        stored_value.PayStoredValue(pay(rich, 0, amount=amount)),
    ):
        assert (await refused(call)).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_what_does_not_exist_is_not_found(stored_value: StoredValueServiceStub) -> None:
    someone, payment = f"members/{uuid.uuid4()}", f"storedValuePayments/{uuid.uuid4()}"
    calls = {
        "MEMBER_NOT_FOUND": [
            stored_value.CreateTopUp(top_up(someone, 1)),
            stored_value.PayStoredValue(pay(someone, 1)),
            stored_value.GetStoredValue(pb.GetStoredValueRequest(name=f"{someone}/storedValues/CNY")),
            stored_value.ListStoredValues(pb.ListStoredValuesRequest(parent=someone)),
            stored_value.ListTopUps(pb.ListTopUpsRequest(parent=someone)),
            stored_value.ListStoredValuePayments(pb.ListStoredValuePaymentsRequest(parent=someone)),
        ],
        "STORED_VALUE_PAYMENT_NOT_FOUND": [
            stored_value.GetStoredValuePayment(pb.GetStoredValuePaymentRequest(name=payment)),
            stored_value.ConfirmStoredValuePayment(pb.ConfirmStoredValuePaymentRequest(name=payment)),
            stored_value.ReleaseStoredValuePayment(pb.ReleaseStoredValuePaymentRequest(name=payment)),
            stored_value.RefundStoredValuePayment(pb.RefundStoredValuePaymentRequest(name=payment)),
        ],
        "TOP_UP_NOT_FOUND": [stored_value.RefundTopUp(pb.RefundTopUpRequest(name=f"topUps/{uuid.uuid4()}"))],
    }
    for reason, all_of_them in calls.items():
        for call in all_of_them:
            refusal = await refused(call)
            assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, reason)
