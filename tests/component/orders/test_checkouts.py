"""Checkouts through two `serve` processes: many tenders, what becomes of broken ones, and how they are explained."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money as WireMoney
from kehu.campaigns.v1 import coupons_pb2
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub
from kehu.orders.v1 import checkout_pb2
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.checkout_pb2_grpc import CheckoutServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.money import Money
from kit.rpc.convert import money, wire_money
from services.campaigns.config import Config as CampaignsConfig
from services.campaigns.server import build as build_campaigns
from services.orders.config import Config
from services.orders.domain.checkout import QUIET_FOR, Attempt, Step, StepKind
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.checkout import GoOn, Open, go_on, open_attempt
from services.orders.usecases.checkout_view import explain
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import HELD, Campaigns, Members
from tests.support.builders.campaigns import create_template, issue, usd
from tests.support.rpc import Keys, refused, serving
from tests.support.waiting import until_async

MEMBER = f"members/{uuid.uuid4()}"
Explained = checkout_pb2.CheckoutStep


def yuan(minor: int) -> WireMoney:
    return wire_money(Money(minor, "CNY"))


def card(code: str, minor: int) -> pb.GiftCardTender:
    return pb.GiftCardTender(code=code, amount=yuan(minor))


@pytest.fixture
def checkouts(channel: grpc.aio.Channel) -> CheckoutServiceStub:
    """Checkouts, as operators see them."""
    return CheckoutServiceStub(channel)


@pytest.fixture
async def replicas(
    url: str, peers: str, settings: Callable[..., Any], keys: Keys
) -> AsyncIterator[list[OrdersServiceStub]]:
    """Two processes of the service on one database."""
    async with AsyncExitStack() as stack:
        config = settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers)
        servers = [serving(build(config), keys.bearer("admin")) for _ in range(2)]
        yield [OrdersServiceStub(await stack.enter_async_context(server)) for server in servers]


def rich(members: Members) -> None:
    members.available[MEMBER] = 1_000
    members.funds |= {MEMBER: 1_000, "CARD-1": 500, "CARD-2": 500}


def everything(product: str, coupon: str, **fields: Any) -> pb.PlaceOrderRequest:
    """An order of 20.00 that is paid in five ways: 3.00, 2.00, 4.00, 1.00 and 2.50, which leaves 7.50."""
    wanted: dict[str, Any] = {
        "member": MEMBER,
        "coupons": [coupon],
        "points": 200,
        "stored_value": yuan(400),
        "gift_cards": [card("CARD-1", 100), card("CARD-2", 250)],
    }
    return placing((product, 2), **{**wanted, **fields})


def untouched(campaigns: Campaigns, members: Members) -> bool:
    return (
        campaigns.locks == {}
        and members.available[MEMBER] == 1_000
        and members.funds == {MEMBER: 1_000, "CARD-1": 500, "CARD-2": 500}
    )


async def test_an_order_is_paid_in_many_ways_and_the_rest_by_hand(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members, database: Database[OrdersUnit]
) -> None:
    rich(members)
    request = everything(await shop.product(price=1000), campaigns.coupon(MEMBER, 300))
    order = await orders.PlaceOrder(request)
    assert order.state == pb.Order.STATE_PENDING_PAYMENT
    assert [money(each).minor for each in (order.total, order.amount_due, order.outstanding_amount)] == [
        1700,
        1500,
        750,
    ]
    assert {payment.state for _, payment in members.payments.values()} == {HELD}
    paid = await orders.PayOrder(
        pb.PayOrderRequest(name=order.name, tender=pb.TENDER_MANUAL, amount=order.outstanding_amount)
    )
    assert paid.state == pb.Order.STATE_PAID
    assert sorted((payment.tender, money(payment.amount).minor) for payment in paid.payments) == sorted(
        [
            (pb.TENDER_POINTS, 200),
            (pb.TENDER_STORED_VALUE, 400),
            (pb.TENDER_GIFT_CARD, 100),
            (pb.TENDER_GIFT_CARD, 250),
            (pb.TENDER_MANUAL, 750),
        ]
    )
    query = text("select payload from outbox where type = 'OrderPaid'")
    told = json.loads(str(database.read(lambda unit: unit.connection.scalar(query))))
    held = {payment.name for _, payment in members.payments.values()}
    assert {each["reference"] for each in told["payments"] if each["tender"] in ("stored_value", "gift_card")} == held


async def test_an_order_that_held_money_covers_is_paid_at_once(
    orders: OrdersServiceStub, shop: Shop, members: Members
) -> None:
    rich(members)
    product = await shop.product(price=500)
    order = await orders.PlaceOrder(placing((product, 1), member=MEMBER, points=100, stored_value=yuan(400)))
    assert (order.state, money(order.outstanding_amount).minor) == (pb.Order.STATE_PAID, 0)
    assert await shop.stock(product) == (99, 0)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stored_value": yuan(1_001)}, "STORED_VALUE_REFUSED"),
        ({"gift_cards": [card("CARD-1", 1), card("CARD-X", 1)]}, "GIFT_CARD_REFUSED"),
        ({"stored_value": yuan(1_000), "gift_cards": [card("CARD-1", 501)]}, "GIFT_CARD_REFUSED"),
        ({"stored_value": yuan(1_000), "gift_cards": [card("CARD-1", 500), card("CARD-2", 1)]}, "TENDERS_UNSUITABLE"),
        ({"stored_value": wire_money(Money(1, "JPY"))}, "TENDERS_UNSUITABLE"),
    ],
)
async def test_money_that_is_refused_or_too_much_leaves_nothing_held(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members, fields: dict[str, Any], reason: str
) -> None:
    rich(members)
    request = everything(await shop.product(price=1000), campaigns.coupon(MEMBER, 300), gift_cards=[])
    request.MergeFrom(pb.PlaceOrderRequest(gift_cards=fields.get("gift_cards", [])))
    if "stored_value" in fields:
        request.stored_value.CopyFrom(fields["stored_value"])
    refusal = await refused(orders.PlaceOrder(request))
    assert refusal.reason == reason
    if reason == "GIFT_CARD_REFUSED":
        assert refusal.metadata["position"] == str(len(fields["gift_cards"]))
    assert untouched(campaigns, members)


async def test_a_code_is_kept_nowhere(
    orders: OrdersServiceStub, shop: Shop, members: Members, database: Database[OrdersUnit]
) -> None:
    rich(members)
    await orders.PlaceOrder(
        placing((await shop.product(price=1000), 1), gift_cards=[card("CARD-1", 100)], request_id=str(uuid.uuid4()))
    )
    tables = ("checkouts", "checkout_steps", "orders", "payments", "outbox", "idempotency")
    rows = database.read(
        lambda unit: [str(row) for table in tables for row in unit.connection.execute(text(f"select * from {table}"))]
    )
    assert rows
    assert not [row for row in rows if "CARD-1" in row]


async def test_a_checkout_is_explained_step_by_step(
    orders: OrdersServiceStub, checkouts: CheckoutServiceStub, shop: Shop, campaigns: Campaigns, members: Members
) -> None:
    rich(members)
    product, coupon = await shop.product(price=1000), campaigns.coupon(MEMBER, 300)
    order = await orders.PlaceOrder(everything(product, coupon))
    placed = await checkouts.ExplainCheckout(checkout_pb2.ExplainCheckoutRequest(name=order.name))
    assert (placed.state, placed.order, placed.member) == (checkout_pb2.Checkout.STATE_PLACED, order.name, MEMBER)
    assert [(step.kind, step.state, step.attempts) for step in placed.steps] == [
        (kind, Explained.STATE_DONE, 1)
        for kind in (
            Explained.KIND_COUPONS,
            Explained.KIND_POINTS,
            Explained.KIND_STORED_VALUE,
            Explained.KIND_GIFT_CARD,
            Explained.KIND_GIFT_CARD,
        )
    ]
    assert (list(placed.steps[0].coupons), placed.steps[1].hold) == ([coupon], order.hold)

    other = campaigns.coupon(MEMBER, 300)
    await refused(orders.PlaceOrder(everything(product, other, points=900)))
    listed = await checkouts.ListCheckouts(
        checkout_pb2.ListCheckoutsRequest(state=checkout_pb2.Checkout.STATE_RELEASED)
    )
    (released,) = listed.checkouts
    assert (released.reason, [step.state for step in released.steps]) == (
        "POINTS_REFUSED",
        [Explained.STATE_COMPENSATED, Explained.STATE_REFUSED, *[Explained.STATE_SKIPPED] * 3],
    )
    assert released.steps[1].reason == "POINTS_REFUSED"

    plain = await orders.PlaceOrder(placing((product, 1)))
    explained = await checkouts.ExplainCheckout(checkout_pb2.ExplainCheckoutRequest(name=plain.name))
    assert (explained.state, list(explained.steps)) == (checkout_pb2.Checkout.STATE_PLACED, [])
    nothing = await refused(
        checkouts.ExplainCheckout(checkout_pb2.ExplainCheckoutRequest(name=f"orders/{uuid.uuid4()}"))
    )
    assert (nothing.code, nothing.reason) == (grpc.StatusCode.NOT_FOUND, "CHECKOUT_NOT_FOUND")


async def test_what_a_dead_process_held_is_given_back_by_any_replica(
    replicas: list[OrdersServiceStub],
    campaigns: Campaigns,
    members: Members,
    database: Database[OrdersUnit],
    url: str,
) -> None:
    rich(members)
    coupon = campaigns.coupon(MEMBER, 1)
    steps = (
        Step(1, StepKind.COUPONS, coupons=(coupon,)),
        Step(2, StepKind.POINTS, points=200),
        Step(3, StepKind.STORED_VALUE, amount=Money(400, "CNY")),
        Step(4, StepKind.GIFT_CARD, amount=Money(100, "CNY")),
    )
    past = datetime.now(UTC) - QUIET_FOR - timedelta(seconds=1)
    dead = Database(url, database._unit, clock=lambda: past)
    orders_id = uuid.uuid4()
    member = uuid.UUID(MEMBER.removeprefix("members/"))
    dead.write(open_attempt, Open("a request", orders_id, member, steps, timedelta(minutes=15)))
    dead.write(go_on, GoOn(orders_id, asking=1))
    dead.write(go_on, GoOn(orders_id, answered=1, asking=2))
    campaigns.locks[coupon] = f"orders/{orders_id}"
    dead.close()
    await until_async(lambda: untouched(campaigns, members), what="everything is free")

    def known() -> Attempt:
        return database.read(explain, orders_id)

    await until_async(lambda: known().state == "RELEASED", what="it is known to be free")
    found = known()
    assert found.reason == "TIMED_OUT"
    assert [step.state for step in found.steps] == ["COMPENSATED", "COMPENSATED", "SKIPPED", "SKIPPED"]


async def test_fifty_clicks_of_one_buyer_through_two_replicas_are_one_order(
    replicas: list[OrdersServiceStub], campaigns: Campaigns, members: Members
) -> None:
    rich(members)
    product = await Shop(replicas[0]).product(price=1000)
    request = everything(product, campaigns.coupon(MEMBER, 300), request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(replicas[click % 2].PlaceOrder(request) for click in range(50)))
    assert {answer.name for answer in answers} == {answers[0].name}
    assert set(campaigns.locks.values()) == {answers[0].name}
    held = {payment.source for _, payment in members.payments.values() if payment.state == HELD}
    await until_async(lambda: members.available[MEMBER] == 800, what="points are held once")
    assert held == {answers[0].name}
    assert members.funds == {MEMBER: 600, "CARD-1": 400, "CARD-2": 250}
    assert await Shop(replicas[0]).stock(product) == (100, 2)


async def test_one_coupon_in_two_hundred_checkouts_is_locked_once_by_the_real_campaigns(
    url: str, migrated: Callable[[str], str], peers: str, settings: Callable[..., Any], keys: Keys
) -> None:
    async with AsyncExitStack() as stack:
        server = build_campaigns(settings(CampaignsConfig, database_url=migrated("campaigns")))
        campaigns = CampaignsServiceStub(await stack.enter_async_context(serving(server, keys.bearer("admin"))))
        template = await campaigns.CreateCouponTemplate(create_template(amount_off=usd(1)))
        coupon = (await campaigns.IssueCoupon(issue(template.name, MEMBER))).name
        config = settings(Config, database_url=url, peers_campaigns=f"127.0.0.1:{server.port}", peers_members=peers)
        replicas = [
            OrdersServiceStub(await stack.enter_async_context(serving(build(config), keys.bearer("admin"))))
            for _ in range(2)
        ]
        product = await Shop(replicas[0]).product(stock=500, currency="USD")
        answers = await asyncio.gather(
            *(
                replicas[buyer % 2].PlaceOrder(placing((product, 1), member=MEMBER, coupons=[coupon]), timeout=60)
                for buyer in range(200)
            ),
            return_exceptions=True,
        )
        placed = [answer for answer in answers if isinstance(answer, pb.Order)]
        assert len(placed) == 1
        found = await campaigns.GetCoupon(coupons_pb2.GetCouponRequest(name=coupon))
        assert (found.state, found.order) == (coupons_pb2.Coupon.STATE_LOCKED, placed[0].name)
        assert await Shop(replicas[0]).stock(product) == (500, 1)


async def test_concurrent_orders_share_calls_of_campaigns(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns
) -> None:
    campaigns.percent = 10
    product = await shop.product(price=1000, stock=100)
    placed = await asyncio.gather(*(orders.PlaceOrder(placing((product, 1))) for _ in range(64)))
    assert {money(order.total).minor for order in placed} == {900}
    assert campaigns.seen.calls["BatchPriceOrders"] + campaigns.seen.calls["PriceOrder"] <= 32


async def test_a_quote_and_the_order_have_the_same_numbers(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns
) -> None:
    campaigns.percent = 7
    product, coupon = await shop.product(price=333), campaigns.coupon(MEMBER, 100)
    wanted: dict[str, Any] = {
        "member": MEMBER,
        "channel": "web",
        "lines": [pb.RequestedLine(product=product, quantity=7)],
        "coupons": [coupon],
    }
    quote = await orders.QuoteOrder(pb.QuoteOrderRequest(**wanted))
    order = await orders.PlaceOrder(pb.PlaceOrderRequest(**wanted))
    assert (quote.subtotal, quote.discount, quote.total) == (order.subtotal, order.discount, order.total)
    assert [(line.discount, line.amount) for line in quote.lines] == [
        (line.discount, line.amount) for line in order.lines
    ]
