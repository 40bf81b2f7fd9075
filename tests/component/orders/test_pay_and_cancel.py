"""PayOrder, CancelOrder, and the timer for orders that nobody pays."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from sqlalchemy import text

from kit.clock import utc_now
from kit.db import Database
from services.orders import publish
from services.orders.consumer import expire_orders, forget_attempts
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Campaigns, Members
from tests.support.rpc import refused

MEMBER = f"members/{uuid.uuid4()}"


@pytest.fixture
def tomorrow(url: str) -> Any:
    """The worker's database, a day later."""
    database = Database(
        url,
        lambda connection, now: OrdersUnit(connection, now, publish.to_event),
        clock=lambda: utc_now() + timedelta(days=1),
    )
    yield database
    database.close()


def events(database: Database[OrdersUnit], kind: str) -> list[dict[str, Any]]:
    query = "select payload from outbox where type = :kind order by sequence"
    rows = database.read(lambda unit: unit.connection.execute(text(query), {"kind": kind}).all())
    return [json.loads(row[0]) for row in rows]


def cancelling(order: pb.Order, **fields: Any) -> pb.CancelOrderRequest:
    return pb.CancelOrderRequest(name=order.name, reason=pb.CANCEL_REASON_CUSTOMER, **fields)


async def test_a_paid_order_takes_its_units_from_the_stock(
    orders: OrdersServiceStub, shop: Shop, database: Database[OrdersUnit]
) -> None:
    product = await shop.product(price=990, stock=10)
    order = await shop.pay(await orders.PlaceOrder(placing((product, 2), member=MEMBER)), reference="till 4")
    assert order.state == pb.Order.STATE_PAID
    assert [(payment.tender, payment.amount, payment.reference) for payment in order.payments] == [
        (pb.TENDER_MANUAL, order.total, "till 4")
    ]
    assert await shop.stock(product) == (8, 0)
    assert await orders.GetOrder(pb.GetOrderRequest(name=order.name)) == order
    (event,) = events(database, "OrderPaid")
    assert (event["order"], event["member"], event["netTotal"]["units"]) == (order.name, MEMBER, "19")


async def test_points_are_one_of_the_payments(
    orders: OrdersServiceStub, shop: Shop, members: Members, database: Database[OrdersUnit]
) -> None:
    members.available[MEMBER] = 300
    order = await orders.PlaceOrder(placing((await shop.product(price=1000), 1), member=MEMBER, points=300))
    paid = await shop.pay(order)
    assert [(each.tender, each.amount.units, each.reference) for each in paid.payments] == [
        (pb.TENDER_POINTS, 3, order.hold),
        (pb.TENDER_MANUAL, 7, ""),
    ]
    assert events(database, "OrderPaid")[0]["hold"] == order.hold


async def test_paying_twice_under_one_request_id_pays_once(
    orders: OrdersServiceStub, shop: Shop, database: Database[OrdersUnit]
) -> None:
    product = await shop.product(stock=10)
    order = await orders.PlaceOrder(placing((product, 1)))
    request_id = str(uuid.uuid4())
    answers = await asyncio.gather(*(shop.pay(order, request_id=request_id) for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert len(events(database, "OrderPaid")) == 1
    assert await shop.stock(product) == (9, 0)


async def test_an_order_that_is_paid_cannot_be_paid_again(orders: OrdersServiceStub, shop: Shop) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(), 1)))
    answers = await asyncio.gather(*(shop.pay(order) for _ in range(5)), return_exceptions=True)
    assert len([answer for answer in answers if isinstance(answer, pb.Order)]) == 1
    refusal = await refused(shop.pay(order))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ORDER_STATE_INVALID")
    assert refusal.metadata == {"order": order.name, "state": "PAID"}


async def test_only_what_is_due_pays(orders: OrdersServiceStub, shop: Shop) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(price=990), 1)))
    for amount in (WireMoney(currency_code="CNY", units=9), WireMoney(currency_code="USD", units=9, nanos=900_000_000)):
        refusal = await refused(
            orders.PayOrder(pb.PayOrderRequest(name=order.name, tender=pb.TENDER_MANUAL, amount=amount))
        )
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "AMOUNT_MISMATCH")
        assert refusal.metadata["due"] == "9.90 CNY"


async def test_only_the_version_that_was_read_is_paid_or_cancelled(orders: OrdersServiceStub, shop: Shop) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(), 1)))
    for etag in ('"2"', "2", "nonsense", '"01"'):
        assert (await refused(shop.pay(order, etag=etag))).reason == "ETAG_MISMATCH"
        assert (await refused(orders.CancelOrder(cancelling(order, etag=etag)))).code is grpc.StatusCode.ABORTED
    assert (await shop.pay(order, etag=order.etag)).state == pb.Order.STATE_PAID


async def test_a_cancelled_order_frees_its_stock_and_says_what_else_is_free(
    orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members, database: Database[OrdersUnit]
) -> None:
    product, coupon = await shop.product(stock=10), campaigns.coupon(MEMBER, 1)
    members.available[MEMBER] = 1
    order = await orders.PlaceOrder(placing((product, 3), member=MEMBER, coupons=[coupon], points=1))
    cancelled = await orders.CancelOrder(cancelling(order))
    assert (cancelled.state, cancelled.cancel_reason) == (pb.Order.STATE_CANCELLED, pb.CANCEL_REASON_CUSTOMER)
    assert await shop.stock(product) == (10, 0)
    (event,) = events(database, "OrderCancelled")
    assert (event["hold"], event["coupons"], event["reason"]) == (order.hold, [coupon], "customer")
    assert (await refused(shop.pay(order))).reason == "ORDER_STATE_INVALID"
    assert (await refused(orders.CancelOrder(cancelling(order)))).reason == "ORDER_STATE_INVALID"


async def test_a_paid_order_cannot_be_cancelled(orders: OrdersServiceStub, shop: Shop) -> None:
    order = await shop.pay(await orders.PlaceOrder(placing((await shop.product(), 1))))
    assert (await refused(orders.CancelOrder(cancelling(order)))).metadata["state"] == "PAID"


async def test_an_order_that_does_not_exist_is_not_found(orders: OrdersServiceStub, shop: Shop) -> None:
    nobody = pb.Order(name=f"orders/{uuid.uuid4()}", amount_due=WireMoney(currency_code="CNY", units=1))
    for call in (
        shop.pay(nobody),
        orders.CancelOrder(cancelling(nobody)),
        orders.GetOrder(pb.GetOrderRequest(name=nobody.name)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "ORDER_NOT_FOUND")


async def test_only_one_of_paying_and_cancelling_happens(orders: OrdersServiceStub, shop: Shop) -> None:
    product = await shop.product(stock=30)
    placed = await asyncio.gather(*(orders.PlaceOrder(placing((product, 1))) for _ in range(30)))
    calls = [call for order in placed for call in (shop.pay(order), orders.CancelOrder(cancelling(order)))]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    done = [answer for answer in answers if isinstance(answer, pb.Order)]
    assert len(done) == 30
    assert {order.name for order in done} == {order.name for order in placed}
    paid = len([order for order in done if order.state == pb.Order.STATE_PAID])
    assert await shop.stock(product) == (30 - paid, 0)


async def test_an_order_that_nobody_pays_expires_and_frees_its_stock(
    orders: OrdersServiceStub, shop: Shop, tomorrow: Database[OrdersUnit]
) -> None:
    product = await shop.product(stock=10)
    late = [await orders.PlaceOrder(placing((product, 2))) for _ in range(3)]
    paid = await shop.pay(await orders.PlaceOrder(placing((product, 1))))
    await asyncio.to_thread(tomorrow.write, expire_orders)
    found = [await orders.GetOrder(pb.GetOrderRequest(name=order.name)) for order in late]
    assert {(order.state, order.cancel_reason) for order in found} == {
        (pb.Order.STATE_CANCELLED, pb.CANCEL_REASON_EXPIRED)
    }
    assert await orders.GetOrder(pb.GetOrderRequest(name=paid.name)) == paid
    assert await shop.stock(product) == (9, 0)
    assert [event["reason"] for event in events(tomorrow, "OrderCancelled")] == ["expired"] * 3


async def test_orders_in_time_do_not_expire(
    orders: OrdersServiceStub, shop: Shop, database: Database[OrdersUnit]
) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(), 1)))
    await asyncio.to_thread(database.write, expire_orders)
    assert (await orders.GetOrder(pb.GetOrderRequest(name=order.name))).state == pb.Order.STATE_PENDING_PAYMENT


async def test_an_order_that_is_being_paid_is_not_expired_meanwhile(
    orders: OrdersServiceStub, shop: Shop, tomorrow: Database[OrdersUnit]
) -> None:
    await orders.PlaceOrder(placing((await shop.product(), 1)))
    with tomorrow._engine.connect() as payer:
        payer.execute(text("select 1 from orders for update"))
        await asyncio.to_thread(tomorrow.write, expire_orders)
        assert events(tomorrow, "OrderCancelled") == []


async def test_attempts_to_check_out_are_forgotten_in_the_end(
    orders: OrdersServiceStub, shop: Shop, members: Members, database: Database[OrdersUnit], url: str
) -> None:
    members.available[MEMBER] = 300
    await orders.PlaceOrder(placing((await shop.product(), 1), member=MEMBER, points=1))
    count = "select count(*) from checkouts"
    await asyncio.to_thread(database.write, forget_attempts)
    assert database.read(lambda unit: unit.connection.scalar(text(count))) == 1
    database.write(lambda unit: unit.connection.execute(text("update checkouts set open_time = '2020-01-01'")))
    await asyncio.to_thread(database.write, forget_attempts)
    assert database.read(lambda unit: unit.connection.scalar(text(count))) == 0
