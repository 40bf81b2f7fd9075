"""CompleteOrder."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.test_pay_and_cancel import events
from tests.component.orders.test_refund_order import refunding
from tests.support.rpc import refused

MEMBER = f"members/{uuid.uuid4()}"


def completing(order: pb.Order, **fields: Any) -> pb.CompleteOrderRequest:
    return pb.CompleteOrderRequest(name=order.name, **fields)


@pytest.fixture
async def bought(orders: OrdersServiceStub, shop: Shop) -> pb.Order:
    """Two of one and one of another, paid."""
    lines = ((await shop.product(price=1000), 2), (await shop.product(price=500), 1))
    return await shop.pay(await orders.PlaceOrder(placing(*lines, member=MEMBER)))


async def test_a_paid_order_is_completed_once(
    orders: OrdersServiceStub, bought: pb.Order, database: Database[OrdersUnit]
) -> None:
    done = await orders.CompleteOrder(completing(bought, etag=bought.etag))
    assert (done.state, done.HasField("complete_time")) == (pb.Order.STATE_COMPLETED, True)
    assert await orders.CompleteOrder(completing(bought, etag=bought.etag)) == done
    assert await orders.GetOrder(pb.GetOrderRequest(name=bought.name)) == done
    (event,) = events(database, "OrderCompleted")
    assert (event["member"], event["netTotal"]["units"], event["paidTotal"]["units"]) == (MEMBER, "25", "25")
    assert event["completeTime"]


async def test_a_completed_order_can_be_refunded_line_by_line(
    orders: OrdersServiceStub, bought: pb.Order, database: Database[OrdersUnit]
) -> None:
    await orders.CompleteOrder(completing(bought))
    await orders.RefundOrder(refunding(bought.name, (1, 1)))
    assert (await orders.GetOrder(pb.GetOrderRequest(name=bought.name))).state == pb.Order.STATE_PARTIALLY_REFUNDED
    (event,) = events(database, "OrderRefunded")
    assert [line["netAmount"]["units"] for line in event["lines"]] == ["10", "5"]
    assert [line["paidAmount"]["units"] for line in event["lines"]] == ["20", "5"]
    assert event["completeTime"] == events(database, "OrderCompleted")[0]["completeTime"]
    await orders.RefundOrder(refunding(bought.name, (1, 1), (2, 1)))
    assert (await orders.GetOrder(pb.GetOrderRequest(name=bought.name))).state == pb.Order.STATE_REFUNDED


async def test_a_partly_refunded_order_stays_so_when_it_is_completed(
    orders: OrdersServiceStub, bought: pb.Order
) -> None:
    await orders.RefundOrder(refunding(bought.name, (2, 1)))
    done = await orders.CompleteOrder(completing(bought))
    assert (done.state, done.HasField("complete_time")) == (pb.Order.STATE_PARTIALLY_REFUNDED, True)


async def test_only_a_paid_order_can_be_completed(orders: OrdersServiceStub, shop: Shop, bought: pb.Order) -> None:
    waiting = await orders.PlaceOrder(placing((await shop.product(price=1000), 1), member=MEMBER))
    assert (await refused(orders.CompleteOrder(completing(waiting)))).reason == "ORDER_STATE_INVALID"
    assert (await refused(orders.CompleteOrder(completing(bought, etag='"99"')))).reason == "ETAG_MISMATCH"
    await orders.RefundOrder(refunding(bought.name, (1, 2), (2, 1)))
    assert (await refused(orders.CompleteOrder(completing(bought)))).reason == "ORDER_STATE_INVALID"
