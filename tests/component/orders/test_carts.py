"""Carts, as guests, members and shop assistants use them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import carts_pb2 as pb
from kehu.orders.v1 import orders_pb2, products_pb2
from kehu.orders.v1.carts_pb2_grpc import CartsServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from kit.money import Money
from kit.rpc import Server
from kit.rpc.convert import wire_money
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop
from tests.component.orders.peers import Campaigns, Members
from tests.component.orders.test_shipping_and_tax import everything
from tests.support.rpc import Keys, channel_to, refused

MEMBER = f"members/{uuid.uuid4()}"


@dataclass(frozen=True)
class Guest:
    """A guest with a cart."""

    carts: CartsServiceStub
    cart: pb.Cart

    async def add(self, product: str, quantity: int = 1) -> pb.Cart:
        request = pb.AddCartLineRequest(name=self.cart.name, token=self.cart.token, product=product, quantity=quantity)
        answer: pb.Cart = await self.carts.AddCartLine(request)
        return answer

    async def look(self, *, peek: bool = False) -> pb.Cart:
        request = pb.RefreshCartRequest(name=self.cart.name, token=self.cart.token, peek=peek)
        answer: pb.Cart = await self.carts.RefreshCart(request)
        return answer


@pytest.fixture
async def shopper(server: Server, channel: grpc.aio.Channel, keys: Keys) -> AsyncIterator[CartsServiceStub]:
    """A shop's front end that serves a guest."""
    async with channel_to(f"127.0.0.1:{server.port}", keys.bearer("shopper")) as other:
        yield CartsServiceStub(other)


@pytest.fixture
async def member(server: Server, channel: grpc.aio.Channel, keys: Keys) -> AsyncIterator[CartsServiceStub]:
    """The same, for a member who has logged in."""
    async with channel_to(f"127.0.0.1:{server.port}", keys.bearer("shopper", subject=MEMBER)) as other:
        yield CartsServiceStub(other)


@pytest.fixture
async def guest(shopper: CartsServiceStub) -> Guest:
    return Guest(shopper, await shopper.CreateCart(pb.CreateCartRequest(cart=pb.Cart(channel="web"))))


async def test_a_guest_fills_a_cart_and_buys_it(
    guest: Guest, shopper: CartsServiceStub, shop: Shop, orders: OrdersServiceStub
) -> None:
    tea, cup = await shop.product(price=990), await shop.product(price=2500)
    await guest.add(tea)
    cart = await guest.add(cup, 2)
    assert (cart.subtotal, [line.title for line in cart.lines]) == (wire_money(Money(5990, "CNY")), ["Green tea"] * 2)
    checkout = pb.CheckoutCartRequest(name=cart.name, token=guest.cart.token, request_id=str(uuid.uuid4()))
    order = await shopper.CheckoutCart(checkout)
    assert (order.total, order.channel) == (cart.subtotal, "web")
    assert await shopper.CheckoutCart(checkout) == order
    after = await guest.look()
    assert (list(after.lines), after.order) == ([], order.name)
    assert await orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name)) == order


async def test_fifty_adds_at_once_are_one_line(guest: Guest, shop: Shop) -> None:
    product = await shop.product()
    await asyncio.gather(*(guest.add(product) for _ in range(50)))
    assert [(line.product, line.quantity) for line in (await guest.look()).lines] == [(product, 50)]


async def test_many_checkouts_of_one_cart_are_one_order_that_holds_once(
    member: CartsServiceStub, shop: Shop, campaigns: Campaigns, members: Members
) -> None:
    product = await shop.product(stock=50)
    members.available[MEMBER] = 1000
    members.funds |= {MEMBER: 1000, "CARD-1": 500}
    coupon = campaigns.coupon(MEMBER, 100)
    cart = await member.CreateCart(pb.CreateCartRequest(cart=pb.Cart(channel="web", member=MEMBER)))
    await member.AddCartLine(pb.AddCartLineRequest(name=cart.name, product=product, quantity=1))
    await member.SetCartCoupons(pb.SetCartCouponsRequest(name=cart.name, coupons=[coupon]))
    cny = partial(Money, currency="CNY")
    checkout = pb.CheckoutCartRequest(
        name=cart.name,
        points=10,
        stored_value=wire_money(cny(200)),
        gift_cards=[orders_pb2.GiftCardTender(code="CARD-1", amount=wire_money(cny(300)))],
    )
    answers = await asyncio.gather(
        *(member.CheckoutCart(checkout) for _ in range(20)),
        return_exceptions=True,
    )
    placed = {answer.name for answer in answers if isinstance(answer, orders_pb2.Order)}
    codes = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert len(placed) == 1
    assert codes <= {grpc.StatusCode.FAILED_PRECONDITION}, answers  # whoever came after the cart was empty
    assert (await shop.stock(product), members.available[MEMBER]) == ((50, 1), 990)
    assert members.funds == {MEMBER: 800, "CARD-1": 200}
    assert campaigns.locks == {coupon: placed.pop()}


async def test_changes_of_price_are_told_until_they_are_seen(
    guest: Guest, shop: Shop, orders: OrdersServiceStub
) -> None:
    dearer, gone = await shop.product(price=990), await shop.product()
    await guest.add(dearer)
    await guest.add(gone)
    await orders.UpdateProduct(
        products_pb2.UpdateProductRequest(
            product=products_pb2.Product(name=dearer, price=wire_money(Money(1090, "CNY")))
        )
    )
    await orders.ArchiveProduct(products_pb2.ArchiveProductRequest(name=gone))
    told = [pb.CartLine.CHANGE_DEARER, pb.CartLine.CHANGE_UNAVAILABLE]
    assert [line.change for line in (await guest.look(peek=True)).lines] == told
    cart = await guest.look()
    assert [line.change for line in cart.lines] == told
    assert (cart.lines[0].seen_unit_price.nanos, cart.subtotal) == (900_000_000, wire_money(Money(1090, "CNY")))
    assert [line.change for line in (await guest.look()).lines] == [0, pb.CartLine.CHANGE_UNAVAILABLE]
    refusal = await refused(guest.carts.CheckoutCart(pb.CheckoutCartRequest(name=cart.name, token=guest.cart.token)))
    assert refusal.reason == "PRODUCT_ARCHIVED"


async def test_a_cart_is_saved_in_part_and_has_limits(guest: Guest, shop: Shop, orders: OrdersServiceStub) -> None:
    product = await shop.product()
    await orders.UpdateProduct(
        products_pb2.UpdateProductRequest(product=products_pb2.Product(name=product, purchase_limit=3))
    )
    await guest.add(product, 3)
    assert (await refused(guest.add(product))).reason == "PURCHASE_LIMIT_EXCEEDED"
    named: dict[str, Any] = {"name": guest.cart.name, "token": guest.cart.token, "product": product}
    cart = await guest.carts.MoveCartLine(pb.MoveCartLineRequest(saved=True, **named))
    assert ([line.quantity for line in cart.saved_lines], list(cart.lines)) == ([3], [])
    empty = await refused(guest.carts.CheckoutCart(pb.CheckoutCartRequest(name=cart.name, token=guest.cart.token)))
    assert empty.reason == "CART_EMPTY"
    stale = await refused(guest.carts.SetCartLine(pb.SetCartLineRequest(quantity=1, etag=guest.cart.etag, **named)))
    assert stale.reason == "ETAG_MISMATCH"
    assert not (await guest.carts.SetCartLine(pb.SetCartLineRequest(etag=cart.etag, **named))).saved_lines


async def test_a_guest_logs_in_and_keeps_what_was_in_the_cart(
    guest: Guest, member: CartsServiceStub, shop: Shop
) -> None:
    product, coupon = await shop.product(), f"coupons/{uuid.uuid4()}"
    mine = await member.CreateCart(pb.CreateCartRequest(cart=pb.Cart(channel="web", member=MEMBER)))
    await member.AddCartLine(pb.AddCartLineRequest(name=mine.name, product=product, quantity=1))
    await guest.add(product, 2)
    secret = {"name": guest.cart.name, "token": guest.cart.token}
    await guest.carts.SetCartCoupons(pb.SetCartCouponsRequest(coupons=[coupon], **secret))
    for _ in range(2):
        merged = await member.MergeCart(pb.MergeCartRequest(member=MEMBER, **secret))
        assert (merged.name, [line.quantity for line in merged.lines], list(merged.coupons)) == (
            mine.name,
            [3],
            [coupon],
        )
    assert (await refused(guest.add(product))).reason == "CART_MERGED"


async def test_nobody_uses_the_cart_of_another(
    guest: Guest, shopper: CartsServiceStub, member: CartsServiceStub, channel: grpc.aio.Channel
) -> None:
    mine = await member.CreateCart(pb.CreateCartRequest(cart=pb.Cart(channel="web", member=MEMBER)))
    attempts = [
        shopper.GetCart(pb.GetCartRequest(name=guest.cart.name)),
        shopper.RefreshCart(pb.RefreshCartRequest(name=guest.cart.name, token="a guess")),
        shopper.RefreshCart(pb.RefreshCartRequest(name=mine.name, token=guest.cart.token)),
        shopper.CheckoutCart(pb.CheckoutCartRequest(name=mine.name)),
        shopper.CreateCart(pb.CreateCartRequest(cart=pb.Cart(channel="web", member=MEMBER))),
        shopper.MergeCart(pb.MergeCartRequest(name=guest.cart.name, token=guest.cart.token, member=MEMBER)),
    ]
    assert {(await refused(attempt)).reason for attempt in attempts} == {"CART_NOT_FOUND"}
    staff = CartsServiceStub(channel)
    assert (await staff.GetCart(pb.GetCartRequest(name=mine.name))).name == mine.name


async def test_the_secret_of_a_cart_is_stored_nowhere(
    shopper: CartsServiceStub, database: Database[OrdersUnit]
) -> None:
    request = pb.CreateCartRequest(cart=pb.Cart(channel="web"), request_id=str(uuid.uuid4()))
    cart = await shopper.CreateCart(request)
    assert len(cart.token) == 43
    assert cart.token not in everything(database)
    assert await shopper.CreateCart(request) == cart
