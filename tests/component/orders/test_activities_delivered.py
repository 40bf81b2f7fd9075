"""Orders of activities are brought and taxed as any other: the same freight, the same tax, the same address."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from kehu.orders.v1 import (
    deliveries_pb2,
    group_buys_pb2,
    orders_pb2,
    presales_pb2,
    products_pb2,
    refunds_pb2,
    shipping_pb2,
)
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.presales_pb2_grpc import PresalesServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub
from kehu.orders.v1.taxes_pb2_grpc import TaxesServiceStub
from sqlalchemy.event import listen

from kit.db import Database
from kit.rpc import Server
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.group_sweeps import expire_groups, settle_groups
from tests.component.orders.activities import ALL, PRICE, Opening, a_flash_sale, a_group_buy, a_presale
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.tariffs import ADDRESS, a_parcel, a_table, a_zone, cny, sent
from tests.support.rpc import refused


async def some_tea(orders: OrdersServiceStub, shop: Shop, *, grams: int = 1600) -> str:
    product = await shop.product(price=PRICE, stock=20)
    change = products_pb2.Product(name=product, weight_grams=grams)
    await orders.UpdateProduct(products_pb2.UpdateProductRequest(product=change))
    return product


@ALL
@pytest.mark.parametrize("included", [True, False], ids=["tax included", "tax on top"])
async def test_an_order_of_an_activity_is_charged_as_any_other(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    taxes: TaxesServiceStub,
    channel: grpc.aio.Channel,
    activity: Opening,
    included: bool,
) -> None:
    parcel = await a_parcel(shipping, (await a_zone(shipping, "广东")).name)
    await a_table(taxes, included=included)
    product = await some_tea(orders, shop)
    ordinary = await orders.PlaceOrder(placing((product, 1), delivery=sent(parcel)))
    order = await (await activity(channel, product)).buy(delivery=sent(parcel))
    assert (ordinary.freight, ordinary.tax) == ((cny(1000), cny(317)) if included else (cny(1060), cny(354)))
    for field in ("total", "freight", "freight_tax", "tax", "delivery", "taxation", "amount_due"):
        assert (field, getattr(order, field)) == (field, getattr(ordinary, field))
    assert (order.lines[0].amount, order.lines[0].tax, order.lines[0].added_tax) == (
        ordinary.lines[0].amount,
        ordinary.lines[0].tax,
        ordinary.lines[0].added_tax,
    )
    asked = shipping_pb2.GetDeliveryAddressRequest(name=f"{order.name}/address")
    assert (await shipping.GetDeliveryAddress(asked)).address == ADDRESS


@ALL
async def test_an_order_of_an_activity_is_picked_up_for_nothing(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    taxes: TaxesServiceStub,
    channel: grpc.aio.Channel,
    activity: Opening,
) -> None:
    counter = shipping_pb2.ShippingMethod(title="Store", kind=deliveries_pb2.SHIPPING_KIND_PICK_UP, active=True)
    method = await shipping.CreateShippingMethod(shipping_pb2.CreateShippingMethodRequest(shipping_method=counter))
    await a_table(taxes, home=True)
    bought = await activity(channel, await some_tea(orders, shop))
    there = deliveries_pb2.DeliveryChoice(shipping_method=method.name, pick_up_location="locations/main")
    order, plain = await bought.buy(delivery=there), await bought.buy()
    assert (order.freight, order.delivery.pick_up_location, order.tax) == (cny(0), "locations/main", cny(260))
    assert (plain.freight, plain.tax, plain.HasField("delivery")) == (cny(0), cny(260), False)


@ALL
async def test_what_cannot_be_brought_takes_nothing(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    channel: grpc.aio.Channel,
    activity: Opening,
) -> None:
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    product = await some_tea(orders, shop)
    bought = await activity(channel, product)
    before = await shop.stock(product)
    abroad = deliveries_pb2.DeliveryChoice(
        shipping_method=parcel.name, address=deliveries_pb2.Address(country_code="FR")
    )
    refusal = await refused(bought.buy(delivery=abroad))
    assert (refusal.reason, refusal.metadata["cause"]) == ("DELIVERY_REFUSED", "ADDRESS")
    assert await shop.stock(product) == before


async def test_a_deposit_is_as_agreed_and_the_balance_has_freight_and_tax(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    taxes: TaxesServiceStub,
    channel: grpc.aio.Channel,
) -> None:
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    await a_table(taxes, included=False)
    order = await (await a_presale(channel, await some_tea(orders, shop))).buy(delivery=sent(parcel))
    assert (order.deposit_amount, order.amount_due) == (cny(1000), cny(PRICE + 294 + 1060))
    await shop.pay(orders_pb2.Order(name=order.name, amount_due=order.deposit_amount))
    listed = await PresalesServiceStub(channel).ListPresaleOrders(
        presales_pb2.ListPresaleOrdersRequest(parent=order.activity)
    )
    assert [each.balance_amount for each in listed.presale_orders] == [cny(PRICE + 294 + 1060 - 1000)]
    waiting = await orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))
    assert waiting.outstanding_amount == listed.presale_orders[0].balance_amount


async def test_a_ladder_gives_back_the_tax_on_what_it_led_down(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    taxes: TaxesServiceStub,
    channel: grpc.aio.Channel,
    database: Database[OrdersUnit],
) -> None:
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    await a_table(taxes, included=False)
    steps = [group_buys_pb2.GroupBuyPriceStep(members=2, price=cny(950))]
    ladder = await a_group_buy(
        channel,
        await some_tea(orders, shop),
        kind=group_buys_pb2.GroupBuy.KIND_LADDER,
        price_steps=steps,
        size=2,
    )
    leader = await shop.pay(await ladder.buy(delivery=sent(parcel)))
    other = await shop.pay(await ladder.buy(group=leader.activity))
    for _ in range(2):
        database.write(expire_groups, 10)
        database.write(settle_groups, 10)
    for order, paid, left in ((leader, PRICE + 294 + 1060, 950 + 124 + 1060), (other, PRICE, 950)):
        found = await orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))
        assert (found.total, found.refunded_amount) == (cny(paid), cny(paid - left))
        rest = await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name, reason="back"))
        assert rest.amount == cny(left)


async def test_parts_of_an_order_of_an_activity_sum_to_what_was_paid(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    taxes: TaxesServiceStub,
    channel: grpc.aio.Channel,
) -> None:
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    await a_table(taxes, included=False)
    sale = await a_flash_sale(channel, await some_tea(orders, shop))
    order = await shop.pay(await sale.buy(quantity=3, delivery=sent(parcel)))
    whole = order.total
    given = []
    for units in (1, 2):
        line = refunds_pb2.RefundLine(position=1, quantity=units)
        given.append(
            await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name, lines=[line], reason="back"))
        )
    given.append(await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name, reason="the freight too")))
    assert sum(each.amount.units * 10**9 + each.amount.nanos for each in given) == whole.units * 10**9 + whole.nanos
    assert [each.freight for each in given] == [cny(0), cny(0), order.freight]


async def test_a_flash_sale_brings_and_taxes_for_two_statements(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    taxes: TaxesServiceStub,
    channel: grpc.aio.Channel,
    server: Server,
) -> None:
    said: list[str] = []
    listen(server.database._engine.sync_engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    await a_table(taxes)
    sale = await a_flash_sale(channel, await some_tea(orders, shop))

    async def bought(**fields: Any) -> list[str]:
        await sale.buy(**fields)  # whatever is read by the clock is read now
        said.clear()
        await sale.buy(**fields)
        return [each for each in said if "from tariffs" not in each and each != "select 1"]

    more = set(await bought(delivery=sent(parcel))) - set(await bought())
    assert sorted(each.split()[:2] for each in more) == [
        ["insert", "into"],  # the address
        ["select", "pg_advisory_xact_lock_shared($1)"],  # while it is stored, nobody is erased
    ]
    await sale.buy()
    said.clear()
    assert (await refused(sale.buy(delivery=sent(parcel)))).reason == "FLASH_SALE_SOLD_OUT"
    assert not [each for each in said if "delivery_addresses" in each or "insert into" in each]
