"""PriceOrder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money
from kehu.campaigns.v1 import coupons_pb2, errors_pb2
from kehu.campaigns.v1 import prices_pb2 as pb
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from kit.rpc.status import fault_in
from tests.support.builders.campaigns import create_template, issue, line, lock, name, price, usd
from tests.support.rpc import refused

MEMBER = name("members")


async def coupon_of(campaigns: CampaignsServiceStub, **template: Any) -> Any:
    made = await campaigns.CreateCouponTemplate(create_template(**template))
    return (await campaigns.IssueCoupon(issue(made.name, MEMBER))).name


async def test_an_order_without_coupons_costs_what_its_lines_cost(campaigns: CampaignsServiceStub) -> None:
    cheap, dear = line(3, usd(1, 99)), line(1, usd(100))
    priced = await campaigns.PriceOrder(price(cheap, dear))
    assert [each.product for each in priced.lines] == [cheap.product, dear.product]
    assert [each.amount for each in priced.lines] == [usd(5, 97), usd(100)]
    assert (priced.subtotal, priced.discount, priced.total) == (usd(105, 97), usd(0), usd(105, 97))


async def test_a_coupon_is_spread_over_the_lines(campaigns: CampaignsServiceStub) -> None:
    coupon = await coupon_of(campaigns, amount_off=usd(10))
    priced = await campaigns.PriceOrder(price(line(1, usd(20)), line(2, usd(5)), member=MEMBER, coupons=[coupon]))
    assert [each.discount for each in priced.lines] == [usd(6, 67), usd(3, 33)]
    assert [each.amount for each in priced.lines] == [usd(13, 33), usd(6, 67)]
    assert (priced.subtotal, priced.discount, priced.total) == (usd(30), usd(10), usd(20))
    assert list(priced.coupon_decisions) == [pb.CouponDecision(coupon=coupon, accepted=True, discount=usd(10))]


async def test_every_refused_coupon_has_its_reason(campaigns: CampaignsServiceStub) -> None:
    dear = await coupon_of(campaigns, minimum_spend=usd(1000))
    void = await coupon_of(campaigns)
    await campaigns.VoidCoupon(coupons_pb2.VoidCouponRequest(name=void))
    unknown = name("coupons")
    good = await coupon_of(campaigns)
    late = await coupon_of(campaigns)
    request = price(line(1, usd(20)), member=MEMBER, coupons=[late, dear, void, unknown, good, good])
    decisions = {each.coupon: each for each in (await campaigns.PriceOrder(request)).coupon_decisions}
    assert {coupon: errors_pb2.ErrorReason.Name(each.reason) for coupon, each in decisions.items()} == {
        dear: "ERROR_REASON_MINIMUM_SPEND_NOT_REACHED",
        void: "ERROR_REASON_COUPON_VOID",
        unknown: "ERROR_REASON_COUPON_NOT_FOUND",
        good: "ERROR_REASON_UNSPECIFIED",
        late: "ERROR_REASON_COUPON_NOT_STACKABLE",
    }
    assert [coupon for coupon, each in decisions.items() if each.accepted] == [good]


async def test_a_guest_and_a_stranger_can_not_use_a_members_coupon(campaigns: CampaignsServiceStub) -> None:
    coupon = await coupon_of(campaigns)
    for buyer in ("", name("members")):
        priced = await campaigns.PriceOrder(price(line(1, usd(20)), member=buyer, coupons=[coupon]))
        assert priced.coupon_decisions[0].reason == errors_pb2.ERROR_REASON_COUPON_OF_ANOTHER_MEMBER
        assert priced.total == usd(20)


async def test_an_order_is_priced_again_with_the_coupons_that_it_has_locked(campaigns: CampaignsServiceStub) -> None:
    coupon, order = await coupon_of(campaigns), name("orders")
    until = datetime.now(UTC) + timedelta(minutes=15)
    await campaigns.LockCoupons(lock([coupon], order, MEMBER, until=until))
    request = price(line(1, usd(20)), member=MEMBER, coupons=[coupon])
    assert (await campaigns.PriceOrder(request)).coupon_decisions[0].reason == errors_pb2.ERROR_REASON_COUPON_LOCKED
    request.order = order
    assert (await campaigns.PriceOrder(request)).total == usd(15)
    request.member = name("members")
    assert (await campaigns.PriceOrder(request)).total == usd(20)


async def test_pricing_changes_nothing(campaigns: CampaignsServiceStub) -> None:
    coupon = await coupon_of(campaigns)
    request = price(line(1, usd(20)), member=MEMBER, coupons=[coupon])
    assert await campaigns.PriceOrder(request) == await campaigns.PriceOrder(request)


async def test_yen_have_no_cents(campaigns: CampaignsServiceStub) -> None:
    yen = Money(currency_code="JPY", units=333)
    request = pb.PriceOrderRequest(currency_code="JPY", lines=[line(3, yen)])
    assert (await campaigns.PriceOrder(request)).total == Money(currency_code="JPY", units=999)


@pytest.mark.parametrize(
    ("request_", "reason", "field"),
    [
        (pb.PriceOrderRequest(currency_code="USD"), "REQUEST_INVALID", "lines"),
        (price(line(0, usd(1))), "REQUEST_INVALID", "lines[0].quantity"),
        (price(line(1, usd(1)), line(1, usd(-1))), "REQUEST_INVALID", "lines[1].unit_price"),
        (price(line(1, Money(currency_code="EUR", units=1))), "REQUEST_INVALID", "lines[0].unit_price.currency_code"),
        (price(line(1, Money(currency_code="USD", nanos=1))), "REQUEST_INVALID", "lines[0].unit_price.nanos"),
        (price(line(1, Money(currency_code="USD", units=10**15))), "REQUEST_INVALID", "lines[0].unit_price"),
        (price(line(1_000_000, usd(10**10))), "ORDER_TOO_LARGE", "lines"),
        (price(line(1_000_000, usd(10**10)), coupons=[name("coupons")]), "ORDER_TOO_LARGE", "lines"),
        (price(line(1, usd(1)), member="members/x"), "REQUEST_INVALID", "member"),
        (price(line(1, usd(1)), coupons=["coupons/x"]), "REQUEST_INVALID", "coupons[0]"),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(
    campaigns: CampaignsServiceStub, request_: pb.PriceOrderRequest, reason: str, field: str
) -> None:
    refusal = await refused(campaigns.PriceOrder(request_))
    assert (refusal.code, refusal.reason, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, reason, [field])


async def test_many_orders_are_priced_at_once_each_with_its_own_outcome(
    campaigns: CampaignsServiceStub,
) -> None:
    coupon = await coupon_of(campaigns, amount_off=usd(10))
    good = price(line(1, usd(20)), member=MEMBER, coupons=[coupon])
    plain = price(line(3, usd(2)))
    mixed = price(line(1, usd(20)))
    mixed.currency_code = "JPY"
    request = pb.BatchPriceOrdersRequest(requests=[good, mixed, plain])
    outcomes = (await campaigns.BatchPriceOrders(request)).outcomes
    assert [each.WhichOneof("outcome") for each in outcomes] == ["price", "refusal", "price"]
    assert [outcomes[0].price, outcomes[2].price] == [await campaigns.PriceOrder(each) for each in (good, plain)]
    fault, alone = fault_in(outcomes[1].refusal), await refused(campaigns.PriceOrder(mixed))
    assert fault is not None
    assert (fault.kind, fault.reason) == (alone.code.name, alone.reason)
    assert [violation.field for violation in fault.violations] == alone.fields
