"""What an assistant of a store works with: carts, checkouts, groups, and the orders of shops on other platforms."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import carts_pb2, channels_pb2, checkout_pb2, orders_pb2, payments_pb2, presales_pb2
from kehu.orders.v1 import group_buys_pb2 as groups_pb2
from kehu.orders.v1.channels_pb2_grpc import IngestServiceStub
from kehu.orders.v1.group_buys_pb2_grpc import GroupBuysServiceStub
from kehu.orders.v1.presales_pb2_grpc import PresalesServiceStub

from kit.db import Database
from kit.names import id_of, new_id
from kit.rpc.convert import money
from services.orders.domain.payment_intent import PaymentIntent
from services.orders.domain.provider import Scene
from services.orders.domain.provider_refund import ProviderRefund, ProviderRefundCause
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Clerk, Shop, placing
from tests.component.orders.peers import Campaigns
from tests.component.orders.test_group_buys import a_group_buy, joining, opening
from tests.component.orders.test_ingest import creation, told
from tests.component.orders.test_presales import a_presale, buying
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


async def checkouts_of(clerk: Clerk, **asked: Any) -> set[str]:
    """The orders of the checkouts that a caller's list tells of."""
    found = await clerk.checkouts.ListCheckouts(checkout_pb2.ListCheckoutsRequest(**asked))
    return {each.order for each in found.checkouts}


async def test_the_checkouts_of_the_own_store_are_seen_also_when_no_order_came_of_them(
    boss: Clerk, east: Clerk, shop: Shop, campaigns: Campaigns
) -> None:
    product, member = await shop.product(price=1000), f"members/{uuid.uuid4()}"
    stores = ("sh-1", "stores/sh-1", "cd-1", "")
    orders = [
        await shop.orders.PlaceOrder(
            placing((product, 1), store=store, member=member, coupons=[campaigns.coupon(member, 100)])
        )
        for store in stores
    ]
    for store in stores:
        poor = placing((product, 1), store=store, member=member, points=1)
        assert (await refused(shop.orders.PlaceOrder(poor))).code is grpc.StatusCode.FAILED_PRECONDITION

    ours = {order.name for order in orders[:2]}
    given_up = checkout_pb2.Checkout.STATE_RELEASED
    assert ours < await checkouts_of(east)
    assert await checkouts_of(east, state=checkout_pb2.Checkout.STATE_PLACED) == ours
    left = await checkouts_of(east, state=given_up)
    assert (len(left), len(await checkouts_of(boss, state=given_up)), len(await checkouts_of(boss))) == (2, 4, 8)
    assert await checkouts_of(boss, org="/cn/east") == ours | left
    for name in ours | left:
        assert (await east.checkouts.ExplainCheckout(checkout_pb2.ExplainCheckoutRequest(name=name))).store == "sh-1"
    for name in await checkouts_of(boss) - ours - left:
        beyond = east.checkouts.ExplainCheckout(checkout_pb2.ExplainCheckoutRequest(name=name))
        assert (await refused(beyond)).code is NOT_FOUND


def charged(unit: OrdersUnit, order: orders_pb2.Order) -> None:
    """Money of an order at a provider, on its way back."""
    intent = PaymentIntent.create(
        new_id(),
        order=id_of("orders", order.name),
        provider="ALIPAY",
        scene=Scene.PAGE,
        amount=money(order.total),
        merchant="1",
        now=unit.now,
        expire_time=unit.now,
    )
    unit.payment_intents.add(intent)
    taken = replace(intent, captured=intent.amount, transaction=intent.reference)
    back = ProviderRefund.of(new_id(), taken, taken.amount, cause=ProviderRefundCause.DUPLICATE, now=unit.now)
    unit.provider_refunds.add(back)


async def test_the_money_at_providers_is_listed_of_the_own_stores_orders(
    boss: Clerk, east: Clerk, shop: Shop, database: Database[OrdersUnit]
) -> None:
    product = await shop.product(price=1000)
    orders = [await shop.orders.PlaceOrder(placing((product, 1), store=store)) for store in ("sh-1", "cd-1", "")]
    for order in orders:
        database.write(charged, order)

    async def listed(clerk: Clerk, parent: str) -> list[set[str]]:
        intents = await clerk.payments.ListPaymentIntents(payments_pb2.ListPaymentIntentsRequest(parent=parent))
        backwards = await clerk.payments.ListProviderRefunds(payments_pb2.ListProviderRefundsRequest(parent=parent))
        names = [[each.name for each in intents.payment_intents], [each.name for each in backwards.provider_refunds]]
        return [{"/".join(name.split("/")[:2]) for name in found} for found in names]

    assert await listed(east, "orders/-") == [{orders[0].name}] * 2
    assert await listed(east, orders[0].name) == [{orders[0].name}] * 2
    assert await listed(boss, "orders/-") == [{order.name for order in orders}] * 2
    assert (await refused(listed(east, orders[1].name))).code is NOT_FOUND


async def test_of_a_presale_the_orders_of_the_own_stores_are_listed(boss: Clerk, east: Clerk, shop: Shop) -> None:
    all_, own = PresalesServiceStub(boss.channel), PresalesServiceStub(east.channel)
    presale = await a_presale(all_, shop)
    orders = [await all_.BuyPresale(buying(presale, store=store)) for store in ("sh-1", "cd-1", "")]

    request = presales_pb2.ListPresaleOrdersRequest(parent=presale.name)
    assert [each.order for each in (await own.ListPresaleOrders(request)).presale_orders] == [orders[0].name]
    assert len((await all_.ListPresaleOrders(request)).presale_orders) == 3


async def opened(clerk: Clerk, of: groups_pb2.GroupBuy, shop: Shop, store: str) -> orders_pb2.Order:
    """The order of a group's leader, who has paid."""
    return await shop.pay(await GroupBuysServiceStub(clerk.channel).OpenGroup(opening(of, store=store)))


async def test_groups_are_opened_joined_and_seen_in_the_own_store(boss: Clerk, east: Clerk, shop: Shop) -> None:
    all_, own = GroupBuysServiceStub(boss.channel), GroupBuysServiceStub(east.channel)
    wanted = a_group_buy(await shop.product(price=1200), size=4)
    of = await all_.CreateGroupBuy(groups_pb2.CreateGroupBuyRequest(group_buy=wanted))
    ours = await opened(east, of, shop, "stores/sh-1")
    others = [await opened(boss, of, shop, store) for store in ("cd-1", "")]

    seen = (await own.ListGroups(groups_pb2.ListGroupsRequest(parent=of.name))).groups
    assert [(each.name, each.store) for each in seen] == [(ours.activity, "sh-1")]
    assert len((await all_.ListGroups(groups_pb2.ListGroupsRequest(parent=of.name))).groups) == 3
    assert (await own.JoinGroup(joining(ours.activity, store="sh-1"))).store == "sh-1"
    filled = await own.FillGroup(groups_pb2.FillGroupRequest(name=ours.activity, seats=1, note="x"))
    assert await own.GetGroup(groups_pb2.GetGroupRequest(name=ours.activity)) == filled
    for other in others:
        for call in (
            own.GetGroup(groups_pb2.GetGroupRequest(name=other.activity)),
            own.JoinGroup(joining(other.activity, store="sh-1")),
            own.FillGroup(groups_pb2.FillGroupRequest(name=other.activity, seats=1, note="x")),
        ):
            assert (await refused(call)).code is NOT_FOUND
    for store, reason in (("cd-1", "NOT_FOUND"), ("", DENIED)):
        assert (await refused(own.OpenGroup(opening(of, store=store)))).reason == reason
        assert (await refused(own.JoinGroup(joining(ours.activity, store=store)))).reason == reason


async def test_the_shops_of_the_own_stores_are_told_of_and_their_orders_are_seen(
    boss: Clerk, east: Clerk, shop: Shop
) -> None:
    all_, own = IngestServiceStub(boss.channel), IngestServiceStub(east.channel)
    for code in ("sh-1", "cd-1", "nowhere"):
        await all_.CreateShop(creation(shop_id=code))
    product = await shop.product(price=1000)
    for code in ("sh-1", "cd-1"):
        await all_.MapChannelSku(channels_pb2.MapChannelSkuRequest(parent=f"shops/{code}", sku="CUP", product=product))
    await all_.IngestOrders(channels_pb2.IngestOrdersRequest(parent="shops/cd-1", orders=[told()]))
    await own.IngestOrders(channels_pb2.IngestOrdersRequest(parent="shops/sh-1", orders=[told()]))

    assert [each.name for each in (await own.ListShops(channels_pb2.ListShopsRequest())).shops] == ["shops/sh-1"]
    assert len((await all_.ListShops(channels_pb2.ListShopsRequest())).shops) == 3
    (kept,) = (
        await own.ListIngestedOrders(channels_pb2.ListIngestedOrdersRequest(parent="shops/sh-1"))
    ).ingested_orders
    assert (await east.orders.GetOrder(orders_pb2.GetOrderRequest(name=kept.order))).store == "sh-1"
    for code in ("cd-1", "nowhere", "none"):
        for call in telling(own, f"shops/{code}", product):
            assert (await refused(call)).code is NOT_FOUND
    assert (await refused(own.CreateShop(creation(shop_id="eastern-1")))).reason == DENIED


def telling(clerk: IngestServiceStub, shop: str, product: str) -> list[Awaitable[Any]]:
    """Calls about a shop and an order of it."""
    order = f"{shop}/ingestedOrders/T1"
    return [
        clerk.GetShop(channels_pb2.GetShopRequest(name=shop)),
        clerk.IngestOrders(channels_pb2.IngestOrdersRequest(parent=shop, orders=[told()])),
        clerk.ListIngestedOrders(channels_pb2.ListIngestedOrdersRequest(parent=shop)),
        clerk.GetIngestedOrder(channels_pb2.GetIngestedOrderRequest(name=order)),
        clerk.RetryIngestedOrder(channels_pb2.RetryIngestedOrderRequest(name=order)),
        clerk.MapChannelSku(channels_pb2.MapChannelSkuRequest(parent=shop, sku="CUP", product=product)),
    ]
