"""What something costs in an activity is told before it is bought there, to the cent."""

from __future__ import annotations

import random
import uuid
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import bargains_pb2, deliveries_pb2, orders_pb2, products_pb2, shipping_pb2
from kehu.orders.v1.bargains_pb2_grpc import BargainsServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub
from kehu.orders.v1.taxes_pb2_grpc import TaxesServiceStub

from kit.db import Database
from kit.money import Money
from kit.names import new_id
from kit.rpc.convert import money
from services.orders.consumer import note_members
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import flash_sale_admission
from services.orders.usecases.erasure import forget_members
from tests.component.orders import activities
from tests.component.orders.activities import ALL, Opening
from tests.component.orders.conftest import Shop
from tests.component.orders.peers import Campaigns
from tests.component.orders.tariffs import ADDRESS, a_parcel, a_table, a_zone, cny, sent
from tests.support.builders.merges import merged
from tests.support.rpc import refused

CUSTOMER = orders_pb2.CANCEL_REASON_CUSTOMER
SAME = ("subtotal", "discount", "total", "freight", "freight_tax", "tax", "added_tax")
OF_LINES = ("product", "sku", "quantity", "unit_price", "discount", "amount", "tax", "added_tax", "category")


async def quoted(orders: OrdersServiceStub, activity: str, product: str, quantity: int = 1, **fields: Any) -> Any:
    """What it would cost."""
    request = {"lines": [a_line(product, quantity)], "activity": activity, "channel": "web", **fields}
    return await orders.QuoteOrder(orders_pb2.QuoteOrderRequest(**request))


def a_line(product: str, quantity: int) -> orders_pb2.RequestedLine:
    return orders_pb2.RequestedLine(product=product, quantity=quantity)


async def outcome(call: Awaitable[Any]) -> Any:
    """What a call answers, or why it is refused."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        refusal = await refused(_raised(error))
        return refusal.reason, refusal.metadata


async def _raised(error: grpc.aio.AioRpcError) -> None:
    raise error


def same(quote: orders_pb2.QuoteOrderResponse, order: orders_pb2.Order) -> None:
    """Every amount of both."""
    for field in SAME:
        assert (field, getattr(quote, field)) == (field, getattr(order, field))
    for asked, stored in zip(quote.lines, order.lines, strict=True):
        for field in OF_LINES:
            assert (field, getattr(asked, field)) == (field, getattr(stored, field))


@ALL
@pytest.mark.parametrize("seed", range(6))
async def test_what_is_quoted_is_what_is_placed(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    taxes: TaxesServiceStub,
    channel: grpc.aio.Channel,
    activity: Opening,
    campaigns: Campaigns,
    seed: int,
) -> None:
    draw = random.Random(seed)
    campaigns.percent = 10  # promotions are for ordinary orders
    parcel = await a_parcel(shipping, (await a_zone(shipping, "广东")).name)
    on_top = seed > 2
    if seed:
        await a_table(taxes, included=not on_top, home=True)
    product = await shop.product(price=draw.randint(1, 10_000), stock=20)
    change = products_pb2.Product(name=product, weight_grams=draw.choice([0, 999, 1000, 1001, 7777]))
    await orders.UpdateProduct(products_pb2.UpdateProductRequest(product=change))
    bought, member = await activity(channel, product), activities.a_member()
    units = draw.randint(1, bought.most)
    wanted: dict[str, Any] = {"member": member, **({"delivery": sent(parcel)} if seed % 3 else {})}
    name = await bought.name(member)
    quote = await quoted(orders, name, product, units, **wanted)
    suggested = shipping_pb2.SuggestShippingMethodsRequest(
        channel="web", lines=[a_line(product, units)], address=ADDRESS, activity=name, member=member
    )
    (parcels,) = (await shipping.SuggestShippingMethods(suggested)).shipping_methods
    order = await bought.buy(**wanted, **({"quantity": units} if bought.most > 1 else {}))
    same(quote, order)
    if "delivery" in wanted:
        tax = money(order.freight_tax).minor if on_top else 0
        assert money(parcels.freight).minor == money(order.freight).minor - tax


async def test_a_seat_in_a_group_costs_what_the_group_says(
    orders: OrdersServiceStub, shop: Shop, channel: grpc.aio.Channel
) -> None:
    product = await shop.product(price=9900, stock=20)
    bought = await activities.a_group_buy(channel, product)
    led = await shop.pay(await bought.buy())
    quote = await quoted(orders, led.activity, product)
    same(quote, await bought.buy(group=led.activity))


async def test_a_haggle_costs_what_was_reached(
    orders: OrdersServiceStub, shop: Shop, channel: grpc.aio.Channel
) -> None:
    product, member = await shop.product(price=9900, stock=20), activities.a_member()
    bought = await activities.a_bargain(channel, product)
    name = await bought.name(member)
    before = await quoted(orders, name, product)
    await BargainsServiceStub(channel).CutPrice(bargains_pb2.CutPriceRequest(name=name, member=member))
    after = await quoted(orders, name, product)
    assert money(after.total) < money(before.total) == Money(activities.PRICE, "CNY")
    same(after, await bought.buy(member=member))
    assert (await refused(quoted(orders, name, product))).reason == "HAGGLE_STATE_INVALID"


@ALL
async def test_what_can_not_be_bought_there_is_not_quoted(
    orders: OrdersServiceStub, shop: Shop, channel: grpc.aio.Channel, activity: Opening
) -> None:
    product, other = await shop.product(stock=20), await shop.product()
    bought = await activity(channel, product)
    name = await bought.name(activities.a_member())
    assert (await refused(quoted(orders, name, other))).fields == ["lines[0].product"]
    if bought.most == 1:
        assert (await refused(quoted(orders, name, product, 2))).fields == ["lines[0].quantity"]
    for nonsense in ("flashSales", f"products/{name}", f"{name}/more", f"{name.rpartition('/')[0]}/x", product):
        assert (await refused(quoted(orders, nonsense, product))).fields == ["activity"]
    coupon = quoted(orders, name, product, coupons=[f"coupons/{new_id()}"], member=activities.a_member())
    assert (await refused(coupon)).code == grpc.StatusCode.INVALID_ARGUMENT
    await orders.ArchiveProduct(products_pb2.ArchiveProductRequest(name=product))
    assert (await refused(quoted(orders, name, product))).reason == "PRODUCT_ARCHIVED"


@ALL
async def test_nothing_is_held_by_a_quote(
    orders: OrdersServiceStub, shop: Shop, channel: grpc.aio.Channel, activity: Opening
) -> None:
    product = await shop.product(stock=20)
    bought, member = await activity(channel, product), activities.a_member()
    name = await bought.name(member)
    before = await shop.stock(product)
    await quoted(orders, name, product, member=member)
    assert await shop.stock(product) == before
    assert (await bought.buy(member=member)).member == member


def _id(member: str) -> uuid.UUID:
    return uuid.UUID(member.removeprefix("members/"))


SCARCE: dict[Opening, dict[str, Any]] = {
    activities.a_flash_sale: {"member_limit": 2},
    activities.a_group_buy: {"member_limit": 2, "size": 2},
    activities.a_bargain: {},
    activities.a_presale: {"member_limit": 2},
}


async def a_way(shipping: ShippingServiceStub, region: str) -> deliveries_pb2.DeliveryChoice:
    """To be brought to the address, by a method for a region."""
    return sent(await a_parcel(shipping, (await a_zone(shipping, region)).name))


@ALL
@pytest.mark.parametrize("seed", range(5))
async def test_a_quote_is_refused_for_what_buying_is_refused_for(
    orders: OrdersServiceStub,
    shop: Shop,
    channel: grpc.aio.Channel,
    shipping: ShippingServiceStub,
    database: Database[OrdersUnit],
    monkeypatch: pytest.MonkeyPatch,
    activity: Opening,
    seed: int,
) -> None:
    monkeypatch.setattr(flash_sale_admission, "FRESH", timedelta())  # else who is too late is so for a moment longer
    draw = random.Random(seed)
    reached, beyond = await a_way(shipping, "广东"), await a_way(shipping, "四川")
    product = await shop.product(stock=draw.randint(5, 8))
    bought = await activity(channel, product, **SCARCE[activity])
    kept, gone, erased, other = members = [activities.a_member() for _ in range(4)]
    names = [await bought.name(member) for member in members]
    database.write(note_members, [merged(_id(gone), _id(kept))])
    database.write(forget_members, [_id(erased)])
    seen: set[str] = set()
    for _ in range(24):
        member, name, units = draw.choice([kept, gone, other, erased]), draw.choice(names), draw.randint(1, bought.most)
        way: dict[str, Any] = draw.choice([{}, {"delivery": reached}, {"delivery": reached}, {"delivery": beyond}])
        wanted: dict[str, Any] = {"member": member, **({"quantity": min(units, 3)} if bought.most > 1 else {}), **way}
        if "/groups/" in name:
            wanted["group"] = name
        elif "/haggles/" in name:
            wanted["name"] = name
        quote, order = [
            await outcome(asked)
            for asked in (
                quoted(orders, name, product, wanted.get("quantity", 1), member=member, **way),
                bought.buy(**wanted),
            )
        ]
        if isinstance(quote, tuple) or isinstance(order, tuple):
            assert quote == order
            seen.add(quote[0])
            continue
        same(quote, order)
        seen.add("")
        if draw.random() < 0.2:
            await orders.CancelOrder(orders_pb2.CancelOrderRequest(name=order.name, reason=CUSTOMER))
        elif "/groups/" in order.activity:
            await shop.pay(order)
            names.append(order.activity)
    assert "" in seen
    assert len(seen) > 1


async def test_who_is_not_known_is_told_the_price_as_long_as_something_is_left(
    orders: OrdersServiceStub, shop: Shop, channel: grpc.aio.Channel
) -> None:
    product, member = await shop.product(stock=20), activities.a_member()
    bought = await activities.a_flash_sale(channel, product, quota=3, member_limit=2, tiers=["gold"])
    name = await bought.name(member)
    assert (await quoted(orders, name, product, 2)).total == cny(2 * activities.PRICE)
    assert (await refused(quoted(orders, name, product, 2, member=member))).reason == "FLASH_SALE_NOT_ELIGIBLE"
