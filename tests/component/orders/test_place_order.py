"""PlaceOrder and QuoteOrder, with everything that they ask of campaigns and members."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1 import products_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault, Kind
from services.orders.config import Config
from services.orders.domain.checkout import Step, StepKind
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.checkout import Open, open_attempt
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import ACTIVE, RELEASED, Campaigns, Members
from tests.support.rpc import Keys, refused, serving
from tests.support.waiting import until_async

MEMBER = f"members/{uuid.uuid4()}"


async def test_an_order_reserves_its_stock_and_waits_for_its_payment(orders: OrdersServiceStub, shop: Shop) -> None:
    tea, cup = await shop.product(price=990, stock=10), await shop.product(price=2500, stock=1)
    order = await orders.PlaceOrder(placing((tea, 2), (cup, 1), (tea, 1), member=MEMBER))
    assert order.state == pb.Order.STATE_PENDING_PAYMENT
    assert (order.total.units, order.total.nanos, order.amount_due) == (54, 700_000_000, order.total)
    assert [(line.position, line.quantity, line.title) for line in order.lines] == [
        (1, 2, "Green tea"),
        (2, 1, "Green tea"),
        (3, 1, "Green tea"),
    ]
    assert order.expire_time.seconds - order.place_time.seconds == 15 * 60
    assert (await shop.stock(tea), await shop.stock(cup)) == ((10, 3), (1, 1))
    assert await orders.GetOrder(pb.GetOrderRequest(name=order.name)) == order


async def test_an_order_goes_out_as_an_event(
    orders: OrdersServiceStub, shop: Shop, database: Database[OrdersUnit]
) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(), 1)))
    rows = database.read(
        lambda unit: unit.connection.execute(
            text("select type, aggregateid from outbox where aggregateid like 'orders/%'")
        ).all()
    )
    assert [tuple(row) for row in rows] == [("OrderPlaced", order.name)]


async def test_the_same_request_is_one_order(orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns) -> None:
    product = await shop.product(stock=10)
    request = placing((product, 2), request_id=str(uuid.uuid4()))
    first = await orders.PlaceOrder(request)
    campaigns.percent = 50
    assert [await orders.PlaceOrder(request) for _ in range(2)] == [first, first]
    assert await shop.stock(product) == (10, 2)


async def test_fifty_clicks_at_once_are_one_order(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members
) -> None:
    product = await shop.product(stock=50)
    members.available[MEMBER] = 1000
    coupon = campaigns.coupon(MEMBER, 100)
    request = placing((product, 1), member=MEMBER, coupons=[coupon], points=10, request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(orders.PlaceOrder(request) for _ in range(50)))
    assert {answer.name for answer in answers} == {answers[0].name}
    assert await shop.stock(product) == (50, 1)
    assert members.available[MEMBER] == 990
    assert [hold.source for hold in members.holds.values() if hold.state == ACTIVE] == [answers[0].name]
    assert campaigns.locks == {coupon: answers[0].name}


async def test_another_request_under_the_same_id_is_refused(orders: OrdersServiceStub, shop: Shop) -> None:
    product, request_id = await shop.product(), str(uuid.uuid4())
    await orders.PlaceOrder(placing((product, 1), request_id=request_id))
    refusal = await refused(orders.PlaceOrder(placing((product, 2), request_id=request_id)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


async def test_two_hundred_buyers_of_fifty_units_make_fifty_orders(orders: OrdersServiceStub, shop: Shop) -> None:
    product = await shop.product(stock=50)
    answers = await asyncio.gather(
        *(orders.PlaceOrder(placing((product, 1))) for _ in range(200)), return_exceptions=True
    )
    placed = [answer for answer in answers if isinstance(answer, pb.Order)]
    assert len(placed) == 50
    assert len({order.number for order in placed}) == 50
    codes = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert codes == {grpc.StatusCode.FAILED_PRECONDITION}
    assert await shop.stock(product) == (50, 50)


async def test_an_order_that_is_too_large_for_the_stock_says_what_is_there(
    orders: OrdersServiceStub, shop: Shop
) -> None:
    product = await shop.product(stock=3)
    refusal = await refused(orders.PlaceOrder(placing((product, 2), (product, 2))))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "OUT_OF_STOCK")
    assert refusal.metadata == {"product": product, "requested": "4", "available": "3"}
    assert await shop.stock(product) == (3, 0)


async def test_promotions_coupons_and_points_lower_what_is_due(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members
) -> None:
    product = await shop.product(price=1000)
    members.available[MEMBER] = 500
    campaigns.percent = 10
    coupon = campaigns.coupon(MEMBER, 300)
    order = await orders.PlaceOrder(placing((product, 2), member=MEMBER, coupons=[coupon], points=500))
    assert (order.subtotal.units, order.discount.units, order.total.units) == (20, 5, 15)
    assert (order.points, order.points_value.units, order.amount_due.units) == (500, 5, 10)
    assert (list(order.coupons), campaigns.locks) == ([coupon], {coupon: order.name})
    hold = members.holds[order.hold]
    assert (hold.state, hold.source, members.available[MEMBER]) == (ACTIVE, order.name, 0)


async def test_what_was_held_is_free_again_when_the_stock_is_out(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members
) -> None:
    product = await shop.product(stock=1)
    members.available[MEMBER] = 500
    coupon = campaigns.coupon(MEMBER, 300)
    request = placing((product, 2), member=MEMBER, coupons=[coupon], points=500, request_id=str(uuid.uuid4()))
    refusal = await refused(orders.PlaceOrder(request))
    assert refusal.reason == "OUT_OF_STOCK"
    assert (campaigns.locks, members.available[MEMBER]) == ({}, 500)


async def test_a_request_that_failed_may_be_tried_again_and_holds_anew(
    orders: OrdersServiceStub, shop: Shop, members: Members
) -> None:
    product = await shop.product(stock=1)
    members.available[MEMBER] = 500
    request = placing((product, 1), member=MEMBER, points=100, request_id=str(uuid.uuid4()))
    other = await orders.PlaceOrder(placing((product, 1)))
    await refused(orders.PlaceOrder(request))
    await orders.CancelOrder(pb.CancelOrderRequest(name=other.name, reason=pb.CANCEL_REASON_CUSTOMER))
    order = await orders.PlaceOrder(request)
    states = sorted(hold.state for hold in members.holds.values())
    assert states == [ACTIVE, RELEASED]
    assert (members.holds[order.hold].state, members.available[MEMBER]) == (ACTIVE, 400)


async def test_points_that_are_worth_more_than_the_order_are_refused_and_free(
    orders: OrdersServiceStub, shop: Shop, members: Members
) -> None:
    product = await shop.product(price=100)
    members.available[MEMBER] = 500
    members.old = True
    refusal = await refused(orders.PlaceOrder(placing((product, 1), member=MEMBER, points=101)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "POINTS_UNSUITABLE")
    assert (members.available[MEMBER], await shop.stock(product)) == (500, (100, 0))


@pytest.mark.parametrize("points", [49, 50, 75, 76])
async def test_points_pay_no_less_and_no_more_than_their_programme_allows(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members, points: int
) -> None:
    product = await shop.product(price=200)
    members.available[MEMBER], members.least, members.percent = 76, 50, 50
    coupon = campaigns.coupon(MEMBER, 50)
    call = orders.PlaceOrder(placing((product, 1), member=MEMBER, coupons=[coupon], points=points))
    if points in {50, 75}:
        assert (await call).points == points
        return
    refusal = await refused(call)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "POINTS_NOT_ALLOWED")
    assert refusal.metadata == {"points": str(points), "min_points": "50", "max_points": "75"}
    assert list(refusal.fields) == ["points"]
    assert (members.seen.calls["CreateHold"], campaigns.seen.calls["LockCoupons"]) == (0, 0)


async def test_a_repeat_may_use_the_points_that_it_holds_already(
    orders: OrdersServiceStub, shop: Shop, members: Members
) -> None:
    product = await shop.product(price=200)
    members.available[MEMBER] = 200
    request = placing((product, 1), member=MEMBER, points=200, request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(orders.PlaceOrder(request) for _ in range(5)))
    assert {answer.name for answer in answers} == {answers[0].name}
    assert members.available[MEMBER] == 0


async def test_points_that_are_not_there_free_the_coupons(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members
) -> None:
    product, coupon = await shop.product(), campaigns.coupon(MEMBER, 1)
    members.available[MEMBER] = 5
    refusal = await refused(orders.PlaceOrder(placing((product, 1), member=MEMBER, coupons=[coupon], points=6)))
    assert (refusal.reason, refusal.metadata["cause"]) == ("POINTS_REFUSED", "POINTS_INSUFFICIENT")
    assert campaigns.locks == {}


async def test_a_coupon_of_another_member_refuses_the_order(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns
) -> None:
    product, coupon = await shop.product(), campaigns.coupon(f"members/{uuid.uuid4()}", 1)
    refusal = await refused(orders.PlaceOrder(placing((product, 1), member=MEMBER, coupons=[coupon])))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "COUPON_REFUSED")
    assert refusal.metadata == {"coupon": coupon, "cause": "COUPON_NOT_FOUND"}


async def test_one_coupon_in_many_checkouts_is_used_once(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns
) -> None:
    product, coupon = await shop.product(), campaigns.coupon(MEMBER, 1)
    answers = await asyncio.gather(
        *(orders.PlaceOrder(placing((product, 1), member=MEMBER, coupons=[coupon])) for _ in range(20)),
        return_exceptions=True,
    )
    (placed,) = [answer for answer in answers if isinstance(answer, pb.Order)]
    assert campaigns.locks == {coupon: placed.name}
    assert await shop.stock(product) == (100, 1)


async def test_without_campaigns_nothing_is_sold_and_nothing_held(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns
) -> None:
    product = await shop.product()
    campaigns.gate.clear()
    refusal = await refused(orders.PlaceOrder(placing((product, 1)), timeout=0.5))
    assert refusal.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert await shop.stock(product) == (100, 0)


async def test_a_price_that_makes_no_sense_is_not_believed(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns
) -> None:
    campaigns.nonsense = 10**6
    refusal = await refused(orders.PlaceOrder(placing((await shop.product(), 1))))
    assert refusal.code is grpc.StatusCode.INTERNAL


async def test_a_client_that_goes_away_in_between_leaves_nothing_locked(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members
) -> None:
    product, coupon = await shop.product(), campaigns.coupon(MEMBER, 1)
    members.available[MEMBER] = 1
    members.gate.clear()
    call = orders.PlaceOrder(placing((product, 1), member=MEMBER, coupons=[coupon], points=1))
    await until_async(lambda: coupon in campaigns.locks, what="the coupon is locked")
    call.cancel()
    await until_async(lambda: campaigns.locks == {}, what="the coupon is free")
    assert await shop.stock(product) == (100, 0)


async def test_an_order_that_is_being_stored_stands_though_its_client_is_gone(
    orders: OrdersServiceStub, shop: Shop, members: Members, database: Database[OrdersUnit]
) -> None:
    product = await shop.product()
    members.available[MEMBER] = 500
    with database._engine.connect() as blocker:
        blocker.execute(text("select 1 from stocks for update"))
        call = orders.PlaceOrder(placing((product, 1), member=MEMBER, points=100))
        await until_async(partial(waits_for_a_lock, database), what="the order is being stored")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    listed: list[pb.Order] = []
    while not listed:
        listed = list((await orders.ListOrders(pb.ListOrdersRequest())).orders)
    assert members.holds[listed[0].hold].state == ACTIVE
    assert await shop.stock(product) == (100, 1)


def waits_for_a_lock(database: Database[OrdersUnit]) -> bool:
    query = "select exists (select 1 from pg_stat_activity where wait_event_type = 'Lock')"
    return database.read(lambda unit: bool(unit.connection.scalar(text(query))))


async def test_a_retry_after_a_crash_goes_on_with_what_is_held(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members, database: Database[OrdersUnit]
) -> None:
    product, coupon = await shop.product(), campaigns.coupon(MEMBER, 100)
    members.available[MEMBER] = 500
    request = placing((product, 1), member=MEMBER, coupons=[coupon], points=500, request_id=str(uuid.uuid4()))
    # What a process leaves that dies after it locked the coupon:
    key = hashlib.sha256(b"tester\0" + request.SerializeToString(deterministic=True)).hexdigest()
    opened = Open(
        key,
        uuid.uuid4(),
        member=uuid.UUID(MEMBER.removeprefix("members/")),
        steps=(Step(1, StepKind.COUPONS, coupons=(coupon,)), Step(2, StepKind.POINTS, points=500)),
        pay_within=timedelta(minutes=15),
    )
    attempt = database.write(open_attempt, opened)
    campaigns.locks[coupon] = f"orders/{attempt.order_id}"

    order = await orders.PlaceOrder(request)
    assert order.name == campaigns.locks[coupon] == f"orders/{attempt.order_id}"
    assert (len(members.holds), members.available[MEMBER]) == (1, 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"member": MEMBER, "account": f"accounts/{uuid.uuid4()}"},
        {"points": 5},
        {"coupons": [f"coupons/{uuid.uuid4()}"]},
        {"channel": "Web Shop"},
        {"member": "members/me"},
        {"request_id": "no uuid"},
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(orders: OrdersServiceStub, fields: dict[str, Any]) -> None:
    refusal = await refused(orders.PlaceOrder(placing((f"products/{uuid.uuid4()}", 1), **fields)))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_unknown_and_an_archived_product_are_refused(orders: OrdersServiceStub, shop: Shop) -> None:
    unknown = await refused(orders.PlaceOrder(placing((f"products/{uuid.uuid4()}", 1))))
    assert (unknown.code, unknown.reason) == (grpc.StatusCode.NOT_FOUND, "PRODUCT_NOT_FOUND")
    product = await shop.product()
    await orders.ArchiveProduct(products_pb2.ArchiveProductRequest(name=product))
    archived = await refused(orders.PlaceOrder(placing((product, 1))))
    assert (archived.code, archived.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PRODUCT_ARCHIVED")


async def test_a_quote_says_what_it_would_cost_and_keeps_nothing(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns
) -> None:
    product, good = await shop.product(price=1000, stock=0), campaigns.coupon(MEMBER, 250)
    bad = f"coupons/{uuid.uuid4()}"
    quote = await orders.QuoteOrder(
        pb.QuoteOrderRequest(
            member=MEMBER,
            channel="web",
            lines=[pb.RequestedLine(product=product, quantity=2)],
            coupons=[good, bad],
        )
    )
    assert (quote.subtotal.units, quote.discount.units, quote.discount.nanos) == (20, 2, 500_000_000)
    assert (quote.total.units, quote.total.nanos) == (17, 500_000_000)
    assert {each.coupon: (each.accepted, each.reason) for each in quote.coupons} == {
        good: (True, ""),
        bad: (False, "COUPON_NOT_FOUND"),
    }
    assert campaigns.locks == {}


async def test_a_release_that_fails_does_not_hide_why_the_order_was_refused(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise Fault(Kind.INTERNAL, "INTERNAL", "campaigns is broken")

    monkeypatch.setattr(campaigns, "_unlock", broken)
    product, coupon = await shop.product(stock=0), campaigns.coupon(MEMBER, 1)
    refusal = await refused(orders.PlaceOrder(placing((product, 1), member=MEMBER, coupons=[coupon])))
    assert refusal.reason == "OUT_OF_STOCK"
    assert campaigns.seen.calls["UnlockCoupons"] == 1


async def test_campaigns_that_cannot_be_reached_make_orders_unavailable(
    url: str, settings: Callable[..., Any], keys: Keys
) -> None:
    nobody = "127.0.0.1:1"
    config = settings(Config, database_url=url, peers_campaigns=nobody, peers_members=nobody)
    async with serving(build(config), keys.bearer("admin")) as channel:
        orders = OrdersServiceStub(channel)
        product = await Shop(orders).product()
        refusal = await refused(orders.PlaceOrder(placing((product, 1), member=MEMBER, points=1)))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert refusal.metadata == {"dependency": "campaigns"}
        assert await Shop(orders).stock(product) == (100, 0)
