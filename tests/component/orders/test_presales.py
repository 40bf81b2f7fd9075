"""Presales over gRPC."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1 import presales_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.presales_pb2_grpc import PresalesServiceStub

from kit.db import Database
from kit.money import Money
from kit.rpc.convert import wire_instant, wire_money
from services.orders import publish
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.presale_sweeps import settle_cancelled
from tests.component.orders.conftest import Shop
from tests.support.rpc import refused

HOUR = timedelta(hours=1)


@pytest.fixture
def presales(channel: grpc.aio.Channel) -> PresalesServiceStub:
    """The service, as a client sees it."""
    return PresalesServiceStub(channel)


def yuan(minor: int) -> Any:
    return wire_money(Money(minor, "CNY"))


def a_member() -> str:
    return f"members/{uuid.uuid4()}"


async def a_presale(presales: PresalesServiceStub, shop: Shop, **fields: Any) -> pb.Presale:
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "price": yuan(10000),
        "deposit_amount": yuan(1000),
        "deposit_credit": yuan(2000),
        "quota": 3,
        "deposit_start_time": wire_instant(now - HOUR),
        "deposit_end_time": wire_instant(now + HOUR),
        "balance_start_time": wire_instant(now + HOUR),
        "balance_end_time": wire_instant(now + 3 * HOUR),
        "remind_duration": Duration(seconds=600),
    }
    product = await shop.product(price=12000, stock=5)
    presale = pb.Presale(product=product, **{**values, **fields})
    made: pb.Presale = await presales.CreatePresale(pb.CreatePresaleRequest(presale=presale))
    return made


def buying(presale: pb.Presale, **fields: Any) -> pb.BuyPresaleRequest:
    return pb.BuyPresaleRequest(**{"name": presale.name, "member": a_member(), "channel": "web", **fields})


async def test_a_presale_is_made_read_listed_and_cancelled(
    presales: PresalesServiceStub, shop: Shop, database: Database[OrdersUnit], orders: OrdersServiceStub
) -> None:
    made = await a_presale(presales, shop)
    assert (made.state, made.left_quantity, made.balance_amount) == (pb.Presale.STATE_DEPOSIT, 3, yuan(8000))
    assert (made.unpaid_policy, made.hold_duration.seconds) == (pb.Presale.UNPAID_POLICY_FORFEIT, 900)
    assert await presales.GetPresale(pb.GetPresaleRequest(name=made.name)) == made
    assert list((await presales.ListPresales(pb.ListPresalesRequest(product=made.product))).presales) == [made]
    order = await presales.BuyPresale(buying(made))
    wrong = pb.CancelPresaleRequest(name=made.name, etag='"99"')
    assert (await refused(presales.CancelPresale(wrong))).reason == "ETAG_MISMATCH"
    cancelled = await presales.CancelPresale(pb.CancelPresaleRequest(name=made.name, etag=made.etag))
    assert cancelled.state == pb.Presale.STATE_CANCELLED
    assert (await refused(presales.BuyPresale(buying(made)))).reason == "PRESALE_NOT_OPEN"
    await asyncio.to_thread(database.write, settle_cancelled, 10)
    found = await orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))
    assert (found.state, found.cancel_reason) == (
        orders_pb2.Order.STATE_CANCELLED,
        orders_pb2.CANCEL_REASON_MERCHANT,
    )


async def test_what_makes_no_sense_is_refused(presales: PresalesServiceStub, shop: Shop) -> None:
    missing = pb.GetPresaleRequest(name=f"presales/{uuid.uuid4()}")
    assert (await refused(presales.GetPresale(missing))).reason == "PRESALE_NOT_FOUND"
    assert (await refused(a_presale(presales, shop, deposit_credit=yuan(500)))).fields == ["presale.deposit_credit"]
    dollars = wire_money(Money(1000, "USD"))
    assert (await refused(a_presale(presales, shop, deposit_amount=dollars))).fields == ["presale.deposit_amount"]
    both = await refused(a_presale(presales, shop, expansion_basis_points=20000))
    assert both.reason == "REQUEST_INVALID"


async def test_a_member_pays_a_deposit_and_later_the_balance(
    presales: PresalesServiceStub, orders: OrdersServiceStub, shop: Shop, database: Database[OrdersUnit]
) -> None:
    now = datetime.now(UTC)
    made = await a_presale(
        presales,
        shop,
        deposit_credit=None,
        expansion_basis_points=25000,
        deposit_end_time=wire_instant(now + timedelta(seconds=3)),
        balance_start_time=wire_instant(now + timedelta(seconds=3)),
        member_limit=2,
    )
    assert made.deposit_credit == yuan(2500)
    member = a_member()
    request = buying(made, member=member, quantity=2, request_id=str(uuid.uuid4()))
    order = await presales.BuyPresale(request)
    assert await presales.BuyPresale(request) == order
    assert (order.activity, order.deposit_amount, order.amount_due) == (made.name, yuan(2000), yuan(17000))
    assert order.balance_start_time == made.balance_start_time
    assert await shop.stock(made.product) == (5, 2)
    assert (await refused(presales.BuyPresale(buying(made, member=member)))).reason == "PRESALE_LIMIT_REACHED"
    assert (await refused(presales.BuyPresale(buying(made, quantity=2)))).reason == "PRESALE_SOLD_OUT"

    async def pay(minor: int) -> orders_pb2.Order:
        request = orders_pb2.PayOrderRequest(name=order.name, tender=orders_pb2.TENDER_MANUAL, amount=yuan(minor))
        paid: orders_pb2.Order = await orders.PayOrder(request)
        return paid

    waiting = await pay(2000)
    assert (waiting.state, waiting.outstanding_amount) == (orders_pb2.Order.STATE_PENDING_PAYMENT, yuan(15000))
    assert waiting.expire_time == made.balance_end_time
    listed = await presales.ListPresaleOrders(pb.ListPresaleOrdersRequest(parent=made.name))
    assert [(row.order, row.state) for row in listed.presale_orders] == [(order.name, pb.PresaleOrder.STATE_DEPOSITED)]
    early = await refused(pay(15000))
    if early.reason == "BALANCE_NOT_DUE":
        await asyncio.sleep(max(0.0, (now + timedelta(seconds=3.1) - datetime.now(UTC)).total_seconds()))
    assert (await pay(15000)).state == orders_pb2.Order.STATE_PAID
    assert await shop.stock(made.product) == (3, 0)


async def test_a_balance_that_is_not_paid_forfeits_the_deposit(
    presales: PresalesServiceStub, orders: OrdersServiceStub, shop: Shop, url: str
) -> None:
    made = await a_presale(presales, shop)
    order = await presales.BuyPresale(buying(made))
    await shop.pay(orders_pb2.Order(name=order.name, amount_due=order.deposit_amount))
    after = datetime.now(UTC) + 4 * HOUR
    later = Database(url, partial(OrdersUnit, publish=publish.to_event), clock=lambda: after)
    await asyncio.to_thread(later.write, expire_orders, 10)
    later.close()
    found = await orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))
    assert (found.state, found.forfeited_amount) == (orders_pb2.Order.STATE_CANCELLED, yuan(1000))
    assert (await presales.GetPresale(pb.GetPresaleRequest(name=made.name))).left_quantity == 3


async def test_a_quota_is_never_exceeded_whoever_clicks_at_once(presales: PresalesServiceStub, shop: Shop) -> None:
    made = await a_presale(presales, shop)

    async def click() -> str:
        try:
            await presales.BuyPresale(buying(made))
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "BOUGHT"

    outcomes = Counter(await asyncio.gather(*(click() for _ in range(30))))
    assert outcomes == {"BOUGHT": 3, "FAILED_PRECONDITION": 27}
