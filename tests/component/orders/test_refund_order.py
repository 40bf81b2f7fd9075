"""RefundOrder and ListRefunds."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1 import refunds_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from kit.rpc.convert import money
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Campaigns, Members
from tests.component.orders.test_pay_and_cancel import events
from tests.support.rpc import refused

MEMBER = f"members/{uuid.uuid4()}"


def refunding(order: str, *units: tuple[int, int], **fields: Any) -> refunds_pb2.RefundOrderRequest:
    lines = [refunds_pb2.RefundLine(position=position, quantity=quantity) for position, quantity in units]
    return refunds_pb2.RefundOrderRequest(name=order, lines=lines, **fields)


@pytest.fixture
async def bought(orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members) -> pb.Order:
    """Three of one and one of another, paid with a coupon, points and money."""
    members.available[MEMBER] = 1000
    coupon = campaigns.coupon(MEMBER, 100)
    lines = ((await shop.product(price=999), 3), (await shop.product(price=1), 1))
    return await shop.pay(await orders.PlaceOrder(placing(*lines, member=MEMBER, coupons=[coupon], points=1000)))


async def get(orders: OrdersServiceStub, name: str) -> pb.Order:
    found: pb.Order = await orders.GetOrder(pb.GetOrderRequest(name=name))
    return found


async def test_one_unit_is_refunded_in_each_tender(
    orders: OrdersServiceStub, bought: pb.Order, database: Database[OrdersUnit]
) -> None:
    refund = await orders.RefundOrder(refunding(bought.name, (1, 1), reason="broken"))
    assert refund.name.startswith(f"{bought.name}/refunds/")
    assert (refund.reason, refund.lines[0].position, refund.lines[0].quantity) == ("broken", 1, 1)
    both = money(refund.amount).minor + money(refund.points_value).minor
    assert both == money(refund.lines[0].amount).minor
    order = await get(orders, bought.name)
    assert (order.state, order.lines[0].refunded_quantity) == (pb.Order.STATE_PARTIALLY_REFUNDED, 1)
    assert (order.refunded_amount, order.refunded_points) == (refund.amount, refund.points)
    (event,) = events(database, "OrderRefunded")
    assert (event["refund"], event["hold"], event["points"]) == (refund.name, bought.hold, str(refund.points))


async def test_unit_by_unit_everything_comes_back(orders: OrdersServiceStub, bought: pb.Order) -> None:
    refunds = [await orders.RefundOrder(refunding(bought.name, units)) for units in ((1, 1), (2, 1), (1, 1), (1, 1))]
    assert sum(money(refund.amount).minor for refund in refunds) == money(bought.amount_due).minor
    assert sum(refund.points for refund in refunds) == 1000
    order = await get(orders, bought.name)
    assert (order.state, order.refunded_amount) == (pb.Order.STATE_REFUNDED, bought.amount_due)
    refusal = await refused(orders.RefundOrder(refunding(bought.name, (1, 1))))
    assert refusal.reason == "ORDER_STATE_INVALID"


async def test_a_repeated_request_is_one_refund(orders: OrdersServiceStub, bought: pb.Order) -> None:
    request = refunding(bought.name, (1, 1), request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(orders.RefundOrder(request) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert (await get(orders, bought.name)).lines[0].refunded_quantity == 1


async def test_a_repeat_is_recognised_even_when_its_answer_is_forgotten(
    orders: OrdersServiceStub, bought: pb.Order, database: Database[OrdersUnit]
) -> None:
    from sqlalchemy import text

    request = refunding(bought.name, (1, 1), request_id=str(uuid.uuid4()))
    first = await orders.RefundOrder(request)
    database.write(lambda unit: unit.connection.execute(text("delete from idempotency")))
    assert await orders.RefundOrder(request) == first
    database.write(lambda unit: unit.connection.execute(text("delete from idempotency")))
    request.lines[0].quantity = 2
    assert (await refused(orders.RefundOrder(request))).reason == "REQUEST_ID_REUSED"


async def test_two_refunds_at_once_never_give_back_a_unit_twice(orders: OrdersServiceStub, bought: pb.Order) -> None:
    answers = await asyncio.gather(
        *(orders.RefundOrder(refunding(bought.name, (1, 2))) for _ in range(4)), return_exceptions=True
    )
    assert len([answer for answer in answers if isinstance(answer, refunds_pb2.Refund)]) == 1
    assert (await get(orders, bought.name)).lines[0].refunded_quantity == 2


async def test_more_than_was_bought_is_refused(orders: OrdersServiceStub, bought: pb.Order) -> None:
    for units, reason in (((1, 4), "REFUND_EXCEEDS_LINE"), ((3, 1), "LINE_NOT_FOUND")):
        refusal = await refused(orders.RefundOrder(refunding(bought.name, units)))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)
    twice = await refused(orders.RefundOrder(refunding(bought.name, (1, 1), (1, 1))))
    assert (twice.code, twice.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["lines[1].position"])
    stale = await refused(orders.RefundOrder(refunding(bought.name, (1, 1), etag='"1"')))
    assert stale.reason == "ETAG_MISMATCH"


async def test_an_unpaid_or_unknown_order_is_not_refunded(orders: OrdersServiceStub, shop: Shop) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(), 1)))
    assert (await refused(orders.RefundOrder(refunding(order.name, (1, 1))))).reason == "ORDER_STATE_INVALID"
    unknown = refunding(f"orders/{uuid.uuid4()}", (1, 1))
    assert (await refused(orders.RefundOrder(unknown))).code is grpc.StatusCode.NOT_FOUND


async def test_refunds_are_listed_the_latest_first(orders: OrdersServiceStub, bought: pb.Order) -> None:
    made = [await orders.RefundOrder(refunding(bought.name, (1, 1))) for _ in range(3)]
    listed, token = [], ""
    while True:
        page = await orders.ListRefunds(
            refunds_pb2.ListRefundsRequest(parent=bought.name, page_size=2, page_token=token)
        )
        listed += page.refunds
        token = page.next_page_token
        if not token:
            break
    assert listed == made[::-1]
    unknown = refunds_pb2.ListRefundsRequest(parent=f"orders/{uuid.uuid4()}")
    assert (await refused(orders.ListRefunds(unknown))).code is grpc.StatusCode.NOT_FOUND
