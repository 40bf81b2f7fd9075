"""Orders that are there, those of activities above all, paid with points, stored value and gift cards."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import (
    checkout_pb2,
    flash_sales_pb2,
    order_desk_pb2,
    presales_pb2,
    proofs_pb2,
)
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.checkout_pb2_grpc import CheckoutServiceStub
from kehu.orders.v1.flash_sales_pb2_grpc import FlashSalesServiceStub
from kehu.orders.v1.order_desk_pb2_grpc import OrderDeskServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.proofs_pb2_grpc import ProofServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.money import Money
from kit.rpc.convert import money, wire_instant, wire_money
from services.orders import publish
from services.orders.config import Config
from services.orders.domain.checkout import QUIET_FOR, Attempt, Step, StepKind
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.checkout import GoOn, Open, go_on, open_attempt
from services.orders.usecases.checkout_view import explain
from services.orders.usecases.expiry import expire_orders
from tests.component.orders.activities import ALL, PRICE, Opening, a_flash_sale, a_presale
from tests.component.orders.conftest import Shop
from tests.component.orders.peers import HELD, Members
from tests.component.orders.tariffs import cny
from tests.support.rpc import Keys, refused, serving
from tests.support.waiting import until_async

MEMBER = f"members/{uuid.uuid4()}"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def rich(members: Members) -> None:
    enrich(members)


def enrich(members: Members) -> None:
    """The member has points, stored value and gift cards."""
    members.available[MEMBER] = 1_000
    members.funds |= {MEMBER: 5_000, "CARD-1": 500, "CARD-2": 500}


@pytest.fixture
async def beside(url: str, peers: str, settings: Callable[..., Any], keys: Keys) -> AsyncIterator[OrdersServiceStub]:
    """The same service by another process."""
    other = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers))
    async with serving(other, keys.bearer("admin")) as channel:
        yield OrdersServiceStub(channel)


def card(code: str, minor: int) -> pb.GiftCardTender:
    return pb.GiftCardTender(code=code, amount=cny(minor))


def tendering(order: pb.Order, **fields: Any) -> pb.CheckoutOrderRequest:
    return pb.CheckoutOrderRequest(name=order.name, **fields)


def everything(order: pb.Order, **fields: Any) -> pb.CheckoutOrderRequest:
    """2.00 of points, 4.00 of stored value, 1.00 and 2.50 of gift cards: 9.50."""
    wanted = {"points": 200, "stored_value": cny(400), "gift_cards": [card("CARD-1", 100), card("CARD-2", 250)]}
    return tendering(order, **{**wanted, **fields})


def untouched(members: Members) -> bool:
    return members.available[MEMBER] == 1_000 and members.funds == {MEMBER: 5_000, "CARD-1": 500, "CARD-2": 500}


async def bought(channel: grpc.aio.Channel, shop: Shop, activity: Opening = a_flash_sale, **fields: Any) -> pb.Order:
    """An order of an activity that can be paid now: of a presale, its deposit is in and its balance is due."""
    product = await shop.product(price=PRICE, stock=20)
    if activity is not a_presale:
        return await (await activity(channel, product)).buy(**{"member": MEMBER, **fields})
    due = datetime.now(UTC) + timedelta(seconds=3)
    times = {"deposit_end_time": wire_instant(due), "balance_start_time": wire_instant(due)}
    order = await (await a_presale(channel, product, **times)).buy(**{"member": MEMBER, **fields})
    await shop.pay(pb.Order(name=order.name, amount_due=order.deposit_amount))
    await until_async(lambda: datetime.now(UTC) > due)
    found: pb.Order = await shop.orders.GetOrder(pb.GetOrderRequest(name=order.name))
    return found


def told(database: Database[OrdersUnit], kind: str) -> dict[str, Any]:
    query = text("select payload from outbox where type = :kind order by sequence desc limit 1")
    found: dict[str, Any] = json.loads(str(database.read(lambda unit: unit.connection.scalar(query, {"kind": kind}))))
    return found


@ALL
async def test_an_order_of_an_activity_is_paid_in_many_ways(
    orders: OrdersServiceStub,
    shop: Shop,
    members: Members,
    channel: grpc.aio.Channel,
    database: Database[OrdersUnit],
    activity: Opening,
) -> None:
    order = await bought(channel, shop, activity)
    held = await orders.CheckoutOrder(everything(order))
    rest = money(order.outstanding_amount).minor - 950
    assert (held.state, held.outstanding_amount, held.points_value) == (
        pb.Order.STATE_PENDING_PAYMENT,
        cny(rest),
        cny(200),
    )
    assert {payment.source for _, payment in members.payments.values()} == {order.name}
    assert [hold.source for hold in members.holds.values()] == [order.name]
    paid = await shop.pay(pb.Order(name=order.name, amount_due=held.outstanding_amount))
    assert paid.state == pb.Order.STATE_PAID
    tenders = Counter((payment.tender, money(payment.amount).minor) for payment in paid.payments)
    deposit = {(pb.TENDER_MANUAL, 1000): 1} if activity is a_presale else {}
    assert tenders == {
        (pb.TENDER_POINTS, 200): 1,
        (pb.TENDER_STORED_VALUE, 400): 1,
        (pb.TENDER_GIFT_CARD, 100): 1,
        (pb.TENDER_GIFT_CARD, 250): 1,
        (pb.TENDER_MANUAL, rest): 1,
        **deposit,
    }
    event = told(database, "OrderPaid")
    references = {each["reference"] for each in event["payments"] if each["tender"] in {"stored_value", "gift_card"}}
    assert references == {payment.name for _, payment in members.payments.values()}
    assert event["hold"] == next(iter(members.holds))
    proof = await ProofServiceStub(channel).VerifyOrder(proofs_pb2.VerifyOrderRequest(name=order.name))
    different = [each for each in proof.checks if each.verdict == proofs_pb2.OrderCheck.VERDICT_DIFFERENT]
    assert not different


@pytest.mark.parametrize("fields", [{"stored_value": PRICE}, {"points": 900, "stored_value": PRICE - 900}])
async def test_an_order_that_is_covered_is_paid_at_once(
    orders: OrdersServiceStub, shop: Shop, channel: grpc.aio.Channel, fields: dict[str, int]
) -> None:
    order = await bought(channel, shop)
    tenders = {"points": fields.get("points", 0), "stored_value": cny(fields["stored_value"])}
    paid = await orders.CheckoutOrder(tendering(order, **tenders))
    assert (paid.state, paid.outstanding_amount) == (pb.Order.STATE_PAID, cny(0))
    assert await shop.stock(order.lines[0].product) == (19, 4)  # the sale holds the rest


async def test_points_alone_may_pay(
    orders: OrdersServiceStub, shop: Shop, members: Members, channel: grpc.aio.Channel
) -> None:
    members.available[MEMBER] = 5_000
    order = await bought(channel, shop)
    paid = await orders.CheckoutOrder(tendering(order, points=PRICE))
    assert (paid.state, paid.points_value, paid.amount_due) == (pb.Order.STATE_PAID, cny(PRICE), cny(0))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stored_value": cny(5_001)}, "STORED_VALUE_REFUSED"),
        ({"points": 200, "stored_value": cny(100), "gift_cards": [card("CARD-X", 1)]}, "GIFT_CARD_REFUSED"),
        ({"points": 1_001}, "POINTS_REFUSED"),
        ({"points": 200, "stored_value": cny(PRICE - 199)}, "TENDERS_UNSUITABLE"),
        ({"stored_value": cny(PRICE - 100), "gift_cards": [card("CARD-1", 101)]}, "TENDERS_UNSUITABLE"),
        ({"stored_value": wire_money(Money(1, "JPY"))}, "TENDERS_UNSUITABLE"),
        ({"points": 100, "etag": '"99"'}, "ETAG_MISMATCH"),
        ({}, "REQUEST_INVALID"),
    ],
)
async def test_what_is_refused_leaves_nothing_held_and_the_order_as_it_was(
    orders: OrdersServiceStub,
    shop: Shop,
    members: Members,
    channel: grpc.aio.Channel,
    fields: dict[str, Any],
    reason: str,
) -> None:
    order = await bought(channel, shop)
    assert (await refused(orders.CheckoutOrder(tendering(order, **fields)))).reason == reason
    assert untouched(members)
    assert await orders.GetOrder(pb.GetOrderRequest(name=order.name)) == order
    paid = await orders.CheckoutOrder(tendering(order, points=1_000, stored_value=cny(PRICE - 1_000)))
    assert paid.state == pb.Order.STATE_PAID


async def test_an_order_is_paid_bit_by_bit_but_takes_points_once(
    orders: OrdersServiceStub, shop: Shop, members: Members, channel: grpc.aio.Channel
) -> None:
    order = await bought(channel, shop)
    await orders.CheckoutOrder(tendering(order, points=100))
    await orders.CheckoutOrder(tendering(order, stored_value=cny(300)))
    assert (await refused(orders.CheckoutOrder(tendering(order, points=100)))).reason == "POINTS_NOT_ALLOWED"
    paid = await orders.CheckoutOrder(tendering(order, stored_value=cny(PRICE - 400)))
    assert (paid.state, len(paid.payments)) == (pb.Order.STATE_PAID, 3)
    assert (members.available[MEMBER], members.funds[MEMBER]) == (900, 5_000 - PRICE + 100)
    late = await refused(orders.CheckoutOrder(tendering(order, stored_value=cny(1))))
    assert late.reason == "ORDER_STATE_INVALID"
    listed = await CheckoutServiceStub(channel).ListCheckouts(checkout_pb2.ListCheckoutsRequest())
    assert {each.order for each in listed.checkouts} == {order.name}
    assert [each.state for each in listed.checkouts].count(checkout_pb2.Checkout.STATE_PLACED) == 3


async def test_fifty_clicks_through_two_processes_hold_once(
    orders: OrdersServiceStub,
    beside: OrdersServiceStub,
    shop: Shop,
    members: Members,
    channel: grpc.aio.Channel,
) -> None:
    order = await bought(channel, shop)
    request = everything(order, request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*((orders, beside)[click % 2].CheckoutOrder(request) for click in range(50)))
    assert {money(answer.outstanding_amount).minor for answer in answers} == {PRICE - 950}
    await until_async(lambda: members.available[MEMBER] == 800, what="points are held once")
    await until_async(lambda: members.funds == {MEMBER: 4_600, "CARD-1": 400, "CARD-2": 250}, what="money is held once")


async def test_of_two_who_pay_all_of_it_at_once_one_gets_the_money_back(
    orders: OrdersServiceStub,
    beside: OrdersServiceStub,
    shop: Shop,
    members: Members,
    channel: grpc.aio.Channel,
) -> None:
    order = await bought(channel, shop)
    answers = await asyncio.gather(
        orders.CheckoutOrder(tendering(order, stored_value=cny(PRICE))),
        beside.CheckoutOrder(tendering(order, points=260, stored_value=cny(PRICE - 260))),
        return_exceptions=True,
    )
    paid = [each for each in answers if isinstance(each, pb.Order)]
    assert [each.state for each in paid] == [pb.Order.STATE_PAID]
    points = money(paid[0].points_value).minor
    await until_async(lambda: members.available[MEMBER] == 1_000 - points, what="the other's points are free")
    await until_async(lambda: members.funds[MEMBER] == 5_000 - PRICE + points, what="the other's money is free")


async def test_what_a_dead_process_held_for_an_order_is_given_back_and_the_order_stays(
    orders: OrdersServiceStub,
    shop: Shop,
    members: Members,
    channel: grpc.aio.Channel,
    database: Database[OrdersUnit],
    url: str,
) -> None:
    order = await bought(channel, shop)
    steps = (Step(1, StepKind.POINTS, points=200), Step(2, StepKind.STORED_VALUE, amount=Money(400, "CNY")))
    past = datetime.now(UTC) - QUIET_FOR - timedelta(seconds=1)
    dead = Database(url, database._unit, clock=lambda: past)
    attempt_id, order_id = uuid.uuid4(), uuid.UUID(order.name.removeprefix("orders/"))
    member = uuid.UUID(MEMBER.removeprefix("members/"))
    command = Open("a request", attempt_id, member, steps, timedelta(minutes=15), pays=order_id)
    dead.write(open_attempt, command)
    dead.write(go_on, GoOn(attempt_id, asking=1))
    dead.write(go_on, GoOn(attempt_id, answered=1, asking=2))
    dead.close()

    def known() -> Attempt:
        return database.read(explain, order_id)

    await until_async(lambda: known().state == "RELEASED", what="all is known to be free")
    assert (known().order_id, known().reason, untouched(members)) == (attempt_id, "TIMED_OUT", True)
    assert await orders.GetOrder(pb.GetOrderRequest(name=order.name)) == order
    assert (await orders.CheckoutOrder(everything(order))).outstanding_amount == cny(PRICE - 950)


async def test_an_order_that_is_not_paid_in_time_gives_everything_back(
    orders: OrdersServiceStub,
    shop: Shop,
    channel: grpc.aio.Channel,
    database: Database[OrdersUnit],
    url: str,
) -> None:
    order = await bought(channel, shop)
    held = await orders.CheckoutOrder(everything(order))
    later = Database(url, partial(OrdersUnit, publish=publish.to_event), clock=lambda: datetime.now(UTC) + DAY)
    await asyncio.to_thread(later.write, expire_orders, 10)
    later.close()
    event = told(database, "OrderCancelled")
    assert event["hold"] == held.hold
    assert [each["refunded"] for each in event["payments"]] == [each["amount"] for each in event["payments"]]
    assert len(event["payments"]) == 3
    figures = await FlashSalesServiceStub(channel).GetFlashSaleFigures(
        flash_sales_pb2.GetFlashSaleFiguresRequest(name=f"{order.activity}/figures")
    )
    assert (figures.free_units, figures.held_units) == (5, 0)


async def test_a_deposit_is_paid_by_stored_value_and_gift_cards_and_not_by_points(
    orders: OrdersServiceStub, shop: Shop, members: Members, channel: grpc.aio.Channel
) -> None:
    presale = await a_presale(channel, await shop.product(price=PRICE, stock=5))
    order = await presale.buy(member=MEMBER)
    refusal = await refused(orders.CheckoutOrder(tendering(order, points=100, stored_value=cny(900))))
    assert (refusal.reason, refusal.metadata["order"]) == ("DEPOSIT_WITHOUT_POINTS", order.name)
    too_much = await refused(orders.CheckoutOrder(tendering(order, stored_value=cny(1_001))))
    assert too_much.reason == "TENDERS_UNSUITABLE"
    assert untouched(members)
    part = await orders.CheckoutOrder(tendering(order, stored_value=cny(600)))
    assert (part.outstanding_amount, part.expire_time) == (cny(PRICE - 600), order.expire_time)
    paid = await orders.CheckoutOrder(tendering(order, gift_cards=[card("CARD-1", 400)]))
    assert paid.expire_time.seconds > order.expire_time.seconds  # it waits for its balance
    assert (members.funds[MEMBER], members.funds["CARD-1"]) == (4_400, 100)
    early = await refused(orders.CheckoutOrder(tendering(order, stored_value=cny(1))))
    assert early.reason == "BALANCE_NOT_DUE"


@pytest.mark.parametrize("reason", [pb.CANCEL_REASON_CUSTOMER, pb.CANCEL_REASON_MERCHANT], ids=["customer", "merchant"])
@pytest.mark.parametrize("policy", ["FORFEIT", "REFUND"])
async def test_of_a_deposit_from_several_accounts_what_the_rule_says_goes_back(
    orders: OrdersServiceStub,
    shop: Shop,
    members: Members,
    channel: grpc.aio.Channel,
    database: Database[OrdersUnit],
    policy: str,
    reason: Any,
) -> None:
    product, rule = await shop.product(price=PRICE, stock=5), getattr(presales_pb2.Presale, f"UNPAID_POLICY_{policy}")
    order = await (await a_presale(channel, product, unpaid_policy=rule)).buy(member=MEMBER)
    await orders.CheckoutOrder(tendering(order, stored_value=cny(600), gift_cards=[card("CARD-1", 400)]))
    await orders.CancelOrder(pb.CancelOrderRequest(name=order.name, reason=reason))
    event = told(database, "OrderCancelled")
    kept = policy == "FORFEIT" and reason == pb.CANCEL_REASON_CUSTOMER
    assert [int(each["amount"]["units"]) for each in event["payments"]] == [6, 4]
    assert [int(each["refunded"].get("units", 0)) for each in event["payments"]] == ([0, 0] if kept else [6, 4])
    assert ("forfeited" in event) is kept
    wrong = database.read(
        lambda unit: unit.verifications.of_order(uuid.UUID(order.name.removeprefix("orders/")), datetime.now(UTC))
    )
    assert [str(each) for each in wrong if not each.ok] == []


async def test_what_pays_a_deposit_is_held_until_the_balance_is_due_or_not_taken(
    orders: OrdersServiceStub, shop: Shop, members: Members, channel: grpc.aio.Channel, database: Database[OrdersUnit]
) -> None:
    now = datetime.now(UTC)

    async def bought_until(days: int) -> pb.Order:
        times = {"balance_start_time": wire_instant(now + DAY), "balance_end_time": wire_instant(now + days * DAY)}
        return await (await a_presale(channel, await shop.product(price=PRICE), **times)).buy(member=MEMBER)

    late = await bought_until(181)
    refusal = await refused(orders.CheckoutOrder(tendering(late, stored_value=late.deposit_amount)))
    assert (refusal.reason, refusal.metadata["order"]) == ("DEPOSIT_IN_MONEY", late.name)
    assert untouched(members)
    order = await bought_until(179)
    await orders.CheckoutOrder(tendering(order, stored_value=order.deposit_amount))
    attempt = database.read(lambda unit: explain(unit, uuid.UUID(order.name.removeprefix("orders/"))))
    assert attempt.hold_until > now + 179 * DAY


async def test_a_guest_may_pay_by_gift_card_only(
    orders: OrdersServiceStub, shop: Shop, members: Members, channel: grpc.aio.Channel
) -> None:
    line = pb.RequestedLine(product=await shop.product(price=500), quantity=1)
    order = await orders.PlaceOrder(pb.PlaceOrderRequest(channel="web", lines=[line]))
    refusal = await refused(orders.CheckoutOrder(tendering(order, stored_value=cny(500))))
    assert refusal.fields == ["member"]
    paid = await orders.CheckoutOrder(tendering(order, gift_cards=[card("CARD-1", 500)]))
    assert paid.state == pb.Order.STATE_PAID
    assert members.funds["CARD-1"] == 0


async def test_how_an_order_was_paid_is_explained_and_told(
    orders: OrdersServiceStub, shop: Shop, members: Members, channel: grpc.aio.Channel
) -> None:
    order = await bought(channel, shop)
    checkouts = CheckoutServiceStub(channel)
    request = checkout_pb2.ExplainCheckoutRequest(name=order.name)
    assert not (await checkouts.ExplainCheckout(request)).steps
    await refused(orders.CheckoutOrder(tendering(order, points=100, stored_value=cny(9_999))))
    await orders.CheckoutOrder(everything(order))
    found = await checkouts.ExplainCheckout(request)
    assert (found.state, found.order, found.member) == (checkout_pb2.Checkout.STATE_PLACED, order.name, MEMBER)
    assert [step.state for step in found.steps] == [checkout_pb2.CheckoutStep.STATE_DONE] * 4
    assert found.name != f"checkouts/{order.name.removeprefix('orders/')}"
    assert {payment.name for _, payment in members.payments.values() if payment.state == HELD} == {
        step.hold for step in found.steps[1:]
    }
    timeline = await OrderDeskServiceStub(channel).ListOrderEvents(
        order_desk_pb2.ListOrderEventsRequest(parent=order.name)
    )
    assert found.name in {event.subject for event in timeline.events}
