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
    proofs_pb2,
    refunds_pb2,
)
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.carts_pb2_grpc import CartsServiceStub
from kehu.orders.v1.group_buys_pb2_grpc import GroupBuysServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.proofs_pb2_grpc import ProofServiceStub
from kehu.orders.v1.refunds_pb2_grpc import RefundsServiceStub

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
from tests.component.orders.test_checkout_orders import (
    DAY,
    MEMBER,
    bought,
    card,
    enrich,
    everything,
    tendering,
    told,
    untouched,
)
from tests.support.rpc import Keys, refused, serving


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


async def test_the_difference_of_an_exchange_is_paid_as_any_order_is(
    orders: OrdersServiceStub, shop: Shop, members: Members, channel: grpc.aio.Channel
) -> None:
    product, refunds = await shop.product(price=PRICE, stock=20), RefundsServiceStub(channel)
    order = await shop.pay(await orders.PlaceOrder(placing((product, 1), member=MEMBER)))
    dearer = await shop.product(price=PRICE + 950)
    instead = await orders.PlaceOrder(placing((dearer, 1), member=MEMBER))
    exchange = await orders.RefundOrder(
        refunds_pb2.RefundOrderRequest(
            name=order.name,
            kind=refunds_pb2.Refund.KIND_EXCHANGE,
            lines=[refunds_pb2.RefundLine(position=1, quantity=1)],
            replacement=instead.name,
        )
    )
    early = await refused(orders.CheckoutOrder(everything(instead)))
    assert (early.reason, untouched(members)) == ("TENDERS_UNSUITABLE", True)
    done = await refunds.ReceiveReturn(refunds_pb2.ReceiveReturnRequest(name=exchange.name))
    assert (done.credit, done.amount) == (cny(PRICE), cny(0))
    paid = await orders.CheckoutOrder(everything(instead))
    assert (paid.state, paid.outstanding_amount) == (pb.Order.STATE_PAID, cny(0))
    assert {each.tender: money(each.amount).minor for each in paid.payments if each.tender != pb.TENDER_GIFT_CARD} == {
        pb.TENDER_EXCHANGE: PRICE,
        pb.TENDER_POINTS: 200,
        pb.TENDER_STORED_VALUE: 400,
    }
    for name in (order.name, instead.name):
        proof = await ProofServiceStub(channel).VerifyOrder(proofs_pb2.VerifyOrderRequest(name=name))
        assert not [each for each in proof.checks if each.verdict == proofs_pb2.OrderCheck.VERDICT_DIFFERENT]


async def test_a_replacement_that_could_not_wait_for_the_goods_is_refused_and_told_why(
    orders: OrdersServiceStub, shop: Shop, members: Members
) -> None:
    product = await shop.product(price=PRICE, stock=20)
    order = await shop.pay(await orders.PlaceOrder(placing((product, 1), member=MEMBER)))
    for cause, fields in (("POINTS", {"points": 100}), ("PAID_IN_PART", {"stored_value": cny(100)})):
        instead = await orders.PlaceOrder(placing((product, 1), member=MEMBER, **fields))
        wanted = refunds_pb2.RefundOrderRequest(
            name=order.name,
            kind=refunds_pb2.Refund.KIND_EXCHANGE,
            lines=[refunds_pb2.RefundLine(position=1, quantity=1)],
            replacement=instead.name,
        )
        refusal = await refused(orders.RefundOrder(wanted))
        assert (refusal.reason, refusal.metadata["cause"]) == ("REPLACEMENT_UNSUITABLE", cause)


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
