"""A service that hangs: what it may hold is asked back until it is known to be free."""

from __future__ import annotations

import uuid

import grpc
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from kit.page import Page
from services.orders.domain.checkout import CheckoutState
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.checkout_view import explain, page
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Campaigns, Members
from tests.support.rpc import refused
from tests.support.waiting import until_async

MEMBER = f"members/{uuid.uuid4()}"


async def test_members_that_hang_keep_neither_points_nor_the_coupon(
    orders: OrdersServiceStub,
    shop: Shop,
    campaigns: Campaigns,
    members: Members,
    database: Database[OrdersUnit],
) -> None:
    members.available[MEMBER] = 500
    product, coupon = await shop.product(), campaigns.coupon(MEMBER, 1)
    members.gate.clear()
    request = placing((product, 1), member=MEMBER, coupons=[coupon], points=100)
    refusal = await refused(orders.PlaceOrder(request, timeout=1.0))
    assert refusal.code is grpc.StatusCode.DEADLINE_EXCEEDED
    given_up = lambda: database.read(page, CheckoutState.ABANDONED, Page(1))  # noqa: E731 - asked again and again
    (stuck,) = await until_async(given_up, what="the checkout is given up")
    await until_async(lambda: campaigns.locks == {}, what="the coupon is free though members hangs")
    order_id = stuck.order
    members.gate.set()
    await until_async(lambda: database.read(explain, order_id).state == "RELEASED", what="all is known to be free")
    found = database.read(explain, order_id)
    assert found.reason in {"DEADLINE_EXCEEDED", "CANCELLED"}  # whose deadline passes first
    assert members.available[MEMBER] == 500
    assert [(step.state, step.releases > 0) for step in found.steps] == [("COMPENSATED", True)] * 2
    assert await shop.stock(product) == (100, 0)
