"""What an assistant of a store works with: carts, checkouts, groups, and the orders of shops on other platforms."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import carts_pb2, orders_pb2

from tests.component.orders.conftest import Clerk, Shop
from tests.support.rpc import refused

NOT_FOUND, DENIED = grpc.StatusCode.NOT_FOUND, "ORG_SCOPE_MISSING"
pytestmark = pytest.mark.usefixtures("stores")


async def cart_of(clerk: Clerk, store: str, product: str, member: str = "") -> carts_pb2.Cart:
    """A cart with a unit of a product in it."""
    wanted = carts_pb2.Cart(channel="web", store=store, member=member)
    cart: carts_pb2.Cart = await clerk.carts.CreateCart(carts_pb2.CreateCartRequest(cart=wanted))
    await clerk.carts.AddCartLine(carts_pb2.AddCartLineRequest(name=cart.name, product=product, quantity=1))
    return cart


def using(clerk: Clerk, cart: str, product: str) -> list[Awaitable[Any]]:
    """Calls that use a cart."""
    member = f"members/{uuid.uuid4()}"
    return [
        clerk.carts.GetCart(carts_pb2.GetCartRequest(name=cart)),
        clerk.carts.RefreshCart(carts_pb2.RefreshCartRequest(name=cart)),
        clerk.carts.AddCartLine(carts_pb2.AddCartLineRequest(name=cart, product=product, quantity=1)),
        clerk.carts.SetCartLine(carts_pb2.SetCartLineRequest(name=cart, product=product, quantity=2)),
        clerk.carts.MoveCartLine(carts_pb2.MoveCartLineRequest(name=cart, product=product, saved=True)),
        clerk.carts.SetCartCoupons(carts_pb2.SetCartCouponsRequest(name=cart)),
        clerk.carts.MergeCart(carts_pb2.MergeCartRequest(name=cart, member=member)),
        clerk.carts.CheckoutCart(carts_pb2.CheckoutCartRequest(name=cart)),
        clerk.carts.CheckoutCart(carts_pb2.CheckoutCartRequest(name=cart, store="sh-1")),
    ]


async def test_an_assistant_fills_carts_of_the_own_store_and_sells_them_there(east: Clerk, shop: Shop) -> None:
    product = await shop.product(price=1000)
    member = f"members/{uuid.uuid4()}"

    for cart in (await cart_of(east, "sh-1", product), await cart_of(east, "stores/sh-1", product, member)):
        assert cart.store == "sh-1"
        order = await east.carts.CheckoutCart(carts_pb2.CheckoutCartRequest(name=cart.name))
        assert (order.store, order.member) == ("sh-1", cart.member)
        assert (await east.orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))).name == order.name


async def test_carts_of_other_stores_and_of_none_are_not_there_for_an_assistant(
    boss: Clerk, east: Clerk, shop: Shop
) -> None:
    product = await shop.product(price=1000)
    member = f"members/{uuid.uuid4()}"
    theirs, online = await cart_of(boss, "cd-1", product), await cart_of(boss, "", product, member)

    for beyond in (theirs.name, online.name, f"carts/{uuid.uuid4()}"):
        for call in using(east, beyond, product):
            assert (await refused(call)).code is NOT_FOUND
    for store, reason in (("cd-1", "NOT_FOUND"), ("", DENIED)):
        assert (await refused(cart_of(east, store, product, member))).reason == reason
    ours = await cart_of(east, "sh-1", product)
    elsewhere = carts_pb2.CheckoutCartRequest(name=ours.name, store="cd-1")
    assert (await refused(east.carts.CheckoutCart(elsewhere))).code is NOT_FOUND


async def test_a_member_has_a_cart_in_each_store_beside_the_own(boss: Clerk, east: Clerk, shop: Shop) -> None:
    product = await shop.product(price=1000)
    member = f"members/{uuid.uuid4()}"

    online, there = await cart_of(boss, "", product, member), await cart_of(boss, "cd-1", product, member)
    here = await cart_of(east, "sh-1", product, member)
    again = await cart_of(east, "sh-1", product, member)

    assert here.name == again.name
    assert len({online.name, there.name, here.name}) == 3
    assert (online.HasField("expire_time"), here.HasField("expire_time")) == (False, True)
    seen = await east.carts.GetCart(carts_pb2.GetCartRequest(name=here.name))
    assert [line.quantity for line in seen.lines] == [2]


async def test_a_guest_of_a_store_who_turns_out_to_be_a_member_has_a_cart_there(
    boss: Clerk, east: Clerk, shop: Shop
) -> None:
    product = await shop.product(price=1000)
    member = f"members/{uuid.uuid4()}"
    online, guest = await cart_of(boss, "", product, member), await cart_of(east, "sh-1", product)

    merged = await east.carts.MergeCart(carts_pb2.MergeCartRequest(name=guest.name, member=member))

    assert (merged.member, merged.store, [line.quantity for line in merged.lines]) == (member, "sh-1", [1])
    assert merged.name != online.name
    seen = await east.carts.GetCart(carts_pb2.GetCartRequest(name=merged.name))
    assert seen.member == member
