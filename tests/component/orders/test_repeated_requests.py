"""A request id stands for one request for ever: another one under the same id changes and holds nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import carts_pb2, order_desk_pb2, refunds_pb2
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.carts_pb2_grpc import CartsServiceStub
from kehu.orders.v1.order_desk_pb2_grpc import OrderDeskServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from services.orders.config import Config
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.activities import ACTIVITIES, PRICE, Opening, a_member
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Members
from tests.component.orders.tariffs import ADDRESS, cny
from tests.contract.orders.test_exchanges import differences
from tests.support.rpc import Keys, refused, serving
from tests.support.waiting import until_async

MEMBER = f"members/{uuid.uuid4()}"
FUNDS = 100_000

Call = Callable[..., Awaitable[Any]]
Pair = tuple[Call, dict[str, Any], dict[str, Any]]
"""A call that takes a channel and fields, and the fields of two requests."""


@pytest.fixture
async def beside(url: str, peers: str, settings: Callable[..., Any], keys: Keys) -> AsyncIterator[grpc.aio.Channel]:
    """The same service by another process."""
    other = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers))
    async with serving(other, keys.bearer("admin")) as channel:
        yield channel


@pytest.fixture(autouse=True)
def rich(members: Members) -> None:
    members.available[MEMBER], members.funds[MEMBER] = FUNDS, FUNDS


async def place(shop: Shop, channel: grpc.aio.Channel) -> Pair:
    product = await shop.product(price=PRICE)

    async def call(to: grpc.aio.Channel, **fields: Any) -> Any:
        return await OrdersServiceStub(to).PlaceOrder(placing((product, 1), member=MEMBER, **fields))

    return call, {"stored_value": cny(100)}, {"stored_value": cny(200)}


async def checkout_order(shop: Shop, channel: grpc.aio.Channel) -> Pair:
    order = await shop.orders.PlaceOrder(placing((await shop.product(price=PRICE), 1), member=MEMBER))

    async def call(to: grpc.aio.Channel, **fields: Any) -> Any:
        return await OrdersServiceStub(to).CheckoutOrder(pb.CheckoutOrderRequest(name=order.name, **fields))

    return call, {"points": 100}, {"stored_value": cny(200)}


async def checkout_cart(shop: Shop, channel: grpc.aio.Channel) -> Pair:
    carts = CartsServiceStub(channel)
    cart = await carts.CreateCart(carts_pb2.CreateCartRequest(cart=carts_pb2.Cart(member=MEMBER, channel="web")))
    product = await shop.product(price=PRICE)
    await carts.AddCartLine(carts_pb2.AddCartLineRequest(name=cart.name, product=product, quantity=1))

    async def call(to: grpc.aio.Channel, **fields: Any) -> Any:
        return await CartsServiceStub(to).CheckoutCart(carts_pb2.CheckoutCartRequest(name=cart.name, **fields))

    return call, {"points": 100}, {"stored_value": cny(200)}


async def pay(shop: Shop, channel: grpc.aio.Channel) -> Pair:
    order = await shop.orders.PlaceOrder(placing((await shop.product(price=PRICE), 1), member=MEMBER))

    async def call(to: grpc.aio.Channel, **fields: Any) -> Any:
        request = pb.PayOrderRequest(name=order.name, tender=pb.TENDER_MANUAL, partial=True, **fields)
        return await OrdersServiceStub(to).PayOrder(request)

    return call, {"amount": cny(100)}, {"amount": cny(200)}


async def refund(shop: Shop, channel: grpc.aio.Channel) -> Pair:
    order = await shop.pay(await shop.orders.PlaceOrder(placing((await shop.product(price=PRICE), 2), member=MEMBER)))

    async def call(to: grpc.aio.Channel, **fields: Any) -> Any:
        return await OrdersServiceStub(to).RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name, **fields))

    return (
        call,
        {"lines": [refunds_pb2.RefundLine(position=1, quantity=1)]},
        {"lines": [refunds_pb2.RefundLine(position=1, amount=cny(7))]},
    )


async def change_address(shop: Shop, channel: grpc.aio.Channel) -> Pair:
    order = await shop.orders.PlaceOrder(placing((await shop.product(price=PRICE), 2), member=MEMBER))

    async def call(to: grpc.aio.Channel, **fields: Any) -> Any:
        request = order_desk_pb2.ChangeDeliveryAddressRequest(name=f"{order.name}/address", **fields)
        return await OrderDeskServiceStub(to).ChangeDeliveryAddress(request)

    other = type(ADDRESS)()
    other.CopyFrom(ADDRESS)
    other.street = "elsewhere"
    return call, {"address": ADDRESS}, {"address": other}


def buying(activity: Opening) -> Callable[[Shop, grpc.aio.Channel], Awaitable[Pair]]:
    """Something in an activity, by two members."""

    async def pair(shop: Shop, channel: grpc.aio.Channel) -> Pair:
        bought = await activity(channel, await shop.product(price=PRICE, stock=20))

        async def call(to: grpc.aio.Channel, **fields: Any) -> Any:
            return await bought.buy(**fields)

        return call, {"member": MEMBER}, {"member": a_member()}

    return pair


PAIRS = {
    "place": place,
    "checkout order": checkout_order,
    "checkout cart": checkout_cart,
    "pay": pay,
    "refund": refund,
    "change address": change_address,
    **{each.__name__: buying(each) for each in ACTIVITIES},
}
OTHERWISE = {"checkout cart": {"CART_ORDERED", "CART_EMPTY", "CART_CHANGED"}}
"""How else whoever comes second may be refused."""


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at once"])
async def test_another_request_under_the_same_id_has_no_effect(
    shop: Shop,
    members: Members,
    channel: grpc.aio.Channel,
    beside: grpc.aio.Channel,
    database: Database[OrdersUnit],
    name: str,
    at_once: bool,
) -> None:
    call, one, other = await PAIRS[name](shop, channel)
    key = {"request_id": str(uuid.uuid4())}
    if at_once:
        answers = await asyncio.gather(
            call(channel, **one, **key), call(beside, **other, **key), return_exceptions=True
        )
        won = [each for each in answers if not isinstance(each, BaseException)]
        fields = other if isinstance(answers[0], BaseException) else one
    else:
        won, fields = [await call(channel, **one, **key)], one
    assert len(won) == 1
    again = await call(channel, **fields, **key)
    assert again == won[0]
    refusal = await refused(call(beside, **(other if fields is one else one), **key))
    assert refusal.reason == "REQUEST_ID_REUSED" or refusal.reason in OTHERWISE.get(name, ())
    points, money_ = fields.get("points", 0), 0
    if "stored_value" in fields:
        money_ = fields["stored_value"].units * 100
    await until_async(
        lambda: (members.available[MEMBER], members.funds[MEMBER]) == (FUNDS - points, FUNDS - money_),
        what="only what won is held",
    )
    assert differences(database) == []
