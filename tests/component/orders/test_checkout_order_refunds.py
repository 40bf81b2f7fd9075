"""What was paid with points, stored value and gift cards goes back to each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import (
    carts_pb2,
    group_buys_pb2,
    refunds_pb2,
)
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.carts_pb2_grpc import CartsServiceStub
from kehu.orders.v1.group_buys_pb2_grpc import GroupBuysServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from kit.rpc.convert import money
from services.orders import publish
from services.orders.config import Config
from services.orders.domain.payment import Tender
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.group_sweeps import expire_groups, settle_groups
from tests.component.orders.activities import PRICE, a_group_buy
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Members
from tests.component.orders.tariffs import cny
from tests.component.orders.test_checkout_orders import DAY, MEMBER, bought, card, enrich, everything, tendering, told
from tests.support.rpc import Keys, serving


@pytest.fixture(autouse=True)
def rich(members: Members) -> None:
    enrich(members)


async def test_refunds_go_back_to_each_tender_and_sum_to_what_it_paid(
    orders: OrdersServiceStub, shop: Shop, channel: grpc.aio.Channel, database: Database[OrdersUnit]
) -> None:
    order = await bought(channel, shop, quantity=3)
    whole = money(order.total).minor
    await orders.CheckoutOrder(everything(order))
    await shop.pay(pb.Order(name=order.name, amount_due=cny(whole - 950)))
    refunds = [
        await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name, lines=lines, reason="back"))
        for lines in (
            [refunds_pb2.RefundLine(position=1, quantity=1)],
            [refunds_pb2.RefundLine(position=1, amount=cny(777))],
            [],
        )
    ]
    assert sum(money(each.amount).minor for each in refunds) == whole - 200
    assert sum(each.points for each in refunds) == 200
    event = told(database, "OrderRefunded")
    assert [each["refunded"] for each in event["payments"]] == [each["amount"] for each in event["payments"]]
    assert len(event["payments"]) == 5


async def test_a_group_that_does_not_come_about_gives_every_tender_back(
    orders: OrdersServiceStub,
    shop: Shop,
    channel: grpc.aio.Channel,
    database: Database[OrdersUnit],
    url: str,
) -> None:
    order = await bought(channel, shop, a_group_buy)
    paid = await orders.CheckoutOrder(everything(order, stored_value=cny(PRICE - 550)))
    assert paid.state == pb.Order.STATE_PAID
    group = await GroupBuysServiceStub(channel).GetGroup(group_buys_pb2.GetGroupRequest(name=order.activity))
    assert group.paid_seats == 1
    later = Database(url, partial(OrdersUnit, publish=publish.to_event), clock=lambda: datetime.now(UTC) + DAY)
    for _ in range(2):
        await asyncio.to_thread(later.write, expire_groups, 10)
        await asyncio.to_thread(later.write, settle_groups, 10)
    later.close()
    event = told(database, "OrderRefunded")
    assert (event["points"], [each["tender"] for each in event["payments"] if each["refunded"] != each["amount"]]) == (
        "200",
        [],
    )


async def test_the_policy_of_refunds_is_that_of_every_new_order(
    url: str, peers: str, settings: Callable[..., Any], keys: Keys, members: Members
) -> None:
    members.funds[MEMBER] = 3 * PRICE
    config = settings(
        Config, database_url=url, peers_campaigns=peers, peers_members=peers, refund_policy=(Tender.GIFT_CARD,)
    )
    async with serving(build(config), keys.bearer("admin")) as channel:
        orders, carts = OrdersServiceStub(channel), CartsServiceStub(channel)
        shop = Shop(orders)
        product = await shop.product(price=PRICE)
        cart = await carts.CreateCart(carts_pb2.CreateCartRequest(cart=carts_pb2.Cart(member=MEMBER, channel="web")))
        await carts.AddCartLine(carts_pb2.AddCartLineRequest(name=cart.name, product=product, quantity=1))
        for order in (
            await orders.PlaceOrder(placing((product, 1), member=MEMBER)),
            await carts.CheckoutCart(carts_pb2.CheckoutCartRequest(name=cart.name)),
            await bought(channel, shop),
        ):
            await orders.CheckoutOrder(
                tendering(order, stored_value=cny(PRICE - 100), gift_cards=[card("CARD-1", 100)])
            )
            line = refunds_pb2.RefundLine(position=1, amount=cny(100))
            await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name, lines=[line], reason="a dent"))
            found = await orders.GetOrder(pb.GetOrderRequest(name=order.name))
            back = {payment.tender: payment.refunded_amount for payment in found.payments}
            assert back == {pb.TENDER_STORED_VALUE: cny(0), pb.TENDER_GIFT_CARD: cny(100)}
