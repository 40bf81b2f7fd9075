"""Delivery and tax: zones, methods and tables kept by hand, and orders that they are charged on."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import deliveries_pb2, orders_pb2, products_pb2, shipping_pb2, taxes_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub
from kehu.orders.v1.taxes_pb2_grpc import TaxesServiceStub
from sqlalchemy import text
from sqlalchemy.event import listen

from kit.db import Database
from kit.rpc import Server
from services.orders.config import Config
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.erasure import forget_members
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Campaigns
from tests.component.orders.tariffs import ADDRESS, a_parcel, a_table, a_zone, cny, sent
from tests.support.rpc import Keys, channel_to, refused, serving

MEMBER = str(uuid.uuid4())


@pytest.fixture
async def clerk(server: Server, channel: grpc.aio.Channel, keys: Keys) -> AsyncIterator[grpc.aio.Channel]:
    """Somebody who may read orders, and not where people live."""
    async with channel_to(f"127.0.0.1:{server.port}", keys.bearer("viewer")) as other:
        yield other


async def test_an_order_is_brought_and_taxed(
    orders: OrdersServiceStub, shop: Shop, shipping: ShippingServiceStub, taxes: TaxesServiceStub, campaigns: Campaigns
) -> None:
    product = await shop.product(price=2260)
    await orders.UpdateProduct(
        products_pb2.UpdateProductRequest(product=products_pb2.Product(name=product, weight_grams=600))
    )
    parcel, table = await a_parcel(shipping, (await a_zone(shipping, "广东")).name), await a_table(taxes)
    campaigns.percent = 50
    quote = await orders.QuoteOrder(
        orders_pb2.QuoteOrderRequest(
            channel="web",
            lines=[orders_pb2.RequestedLine(product=product, quantity=2)],
            delivery=sent(parcel),
        )
    )
    order = await orders.PlaceOrder(placing((product, 2), member=f"members/{MEMBER}", delivery=sent(parcel)))
    for answer in (quote, order):
        assert (answer.total, answer.freight, answer.freight_tax) == (cny(3260), cny(1000), cny(57))
        assert (answer.lines[0].amount, answer.lines[0].tax, answer.tax) == (cny(2260), cny(260), cny(317))
    assert (order.delivery.shipping_method, order.delivery.title, order.delivery.max_days) == (parcel.name, "Parcel", 3)
    assert (order.taxation.tax_table, order.taxation.prices_include_tax) == (table.name, True)
    paid = await shop.pay(order)
    assert (paid.state, paid.delivery, paid.taxation) == (orders_pb2.Order.STATE_PAID, order.delivery, order.taxation)


async def test_without_a_tariff_nothing_is_charged(orders: OrdersServiceStub, shop: Shop) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(price=990), 1)))
    assert (order.total, order.freight, order.tax) == (cny(990), cny(0), cny(0))
    assert not order.HasField("delivery")
    assert not order.HasField("taxation")


async def test_an_address_is_sealed_masked_and_forgotten(
    orders: OrdersServiceStub,
    shop: Shop,
    shipping: ShippingServiceStub,
    database: Database[OrdersUnit],
    clerk: grpc.aio.Channel,
) -> None:
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    request = placing(
        (await shop.product(), 1), member=f"members/{MEMBER}", delivery=sent(parcel), request_id=str(uuid.uuid4())
    )
    order = await orders.PlaceOrder(request)
    asked = shipping_pb2.GetDeliveryAddressRequest(name=f"{order.name}/address")
    assert (await shipping.GetDeliveryAddress(asked)).address == ADDRESS
    masked = (await ShippingServiceStub(clerk).GetDeliveryAddress(asked)).address
    assert (masked.recipient, masked.phone, masked.street) == ("王*", "+86138****8000", "****")
    assert not [word for word in ("王芳", "13800138000", "科技园") if word in everything(database)]
    database.write(forget_members, [uuid.UUID(MEMBER)])
    refusal = await refused(shipping.GetDeliveryAddress(asked))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "DELIVERY_ADDRESS_NOT_FOUND")
    assert await orders.PlaceOrder(request) == order


def everything(database: Database[OrdersUnit]) -> str:
    """All that the database holds, as text."""
    tables = "select table_name from information_schema.tables where table_schema = 'public'"

    def dump(unit: OrdersUnit) -> str:
        names = unit.connection.execute(text(tables)).scalars().all()
        rows = [unit.connection.execute(text(f'select cast(t as text) from "{name}" t')).scalars() for name in names]
        stored = [row for found in rows for row in found]
        kept = unit.connection.execute(text("select response from idempotency")).scalars().all()
        return " ".join([*stored, *(bytes(each).decode(errors="replace") for each in kept)])

    return database.read(dump)


async def test_what_can_be_chosen_is_suggested(shop: Shop, shipping: ShippingServiceStub) -> None:
    product, parcel = await shop.product(price=990), await a_parcel(shipping, (await a_zone(shipping, "广东")).name)
    store = shipping_pb2.ShippingMethod(title="Store", kind=deliveries_pb2.SHIPPING_KIND_PICK_UP, active=True)
    counter = await shipping.CreateShippingMethod(shipping_pb2.CreateShippingMethodRequest(shipping_method=store))

    async def suggested(units: int, address: deliveries_pb2.Address | None) -> list[tuple[str, WireMoney]]:
        lines = [orders_pb2.RequestedLine(product=product, quantity=units)]
        request = shipping_pb2.SuggestShippingMethodsRequest(channel="web", lines=lines, address=address)
        found = await shipping.SuggestShippingMethods(request)
        return [(each.shipping_method, each.freight) for each in found.shipping_methods]

    assert await suggested(1, ADDRESS) == [(counter.name, cny(0)), (parcel.name, cny(800))]
    assert dict(await suggested(10, ADDRESS))[parcel.name] == cny(0)
    assert await suggested(1, None) == [(counter.name, cny(0))]


@pytest.mark.parametrize(
    ("choice", "cause"),
    [
        ({"address": deliveries_pb2.Address(country_code="FR")}, "ADDRESS"),
        ({"pick_up_location": "locations/main"}, "ADDRESS"),
    ],
)
async def test_an_order_that_cannot_be_brought_is_refused(
    orders: OrdersServiceStub, shop: Shop, shipping: ShippingServiceStub, choice: dict[str, object], cause: str
) -> None:
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    delivery = deliveries_pb2.DeliveryChoice(shipping_method=parcel.name, **choice)  # type: ignore[arg-type]
    product = await shop.product()
    refusal = await refused(orders.PlaceOrder(placing((product, 1), delivery=delivery)))
    assert (refusal.reason, refusal.metadata["cause"]) == ("DELIVERY_REFUSED", cause)
    assert await shop.stock(product) == (100, 0)


async def test_the_tariff_is_kept_by_hand(shipping: ShippingServiceStub, taxes: TaxesServiceStub) -> None:
    zone = await a_zone(shipping, "广东")
    method = await a_parcel(shipping, zone.name)
    zone = await shipping.UpdateShippingZone(
        shipping_pb2.UpdateShippingZoneRequest(
            shipping_zone=shipping_pb2.ShippingZone(name=zone.name, postal_codes=["518"], etag=zone.etag)
        )
    )
    assert (list(zone.regions), list(zone.postal_codes), zone.title) == (["广东"], ["518"], "South")
    zones = await shipping.ListShippingZones(shipping_pb2.ListShippingZonesRequest())
    assert list(zones.shipping_zones) == [zone]
    change = shipping_pb2.ShippingMethod(name=method.name, max_days=9, channels=["web"])
    method = await shipping.UpdateShippingMethod(shipping_pb2.UpdateShippingMethodRequest(shipping_method=change))
    assert (method.min_days, method.max_days, list(method.channels), len(method.rates)) == (1, 9, ["web"], 1)
    listed = await shipping.ListShippingMethods(shipping_pb2.ListShippingMethodsRequest(page_size=1))
    assert list(listed.shipping_methods) == [method]
    assert await shipping.GetShippingMethod(shipping_pb2.GetShippingMethodRequest(name=method.name)) == method
    used = await refused(
        shipping.DeleteShippingZone(shipping_pb2.DeleteShippingZoneRequest(name=zone.name, etag=zone.etag))
    )
    assert used.reason == "SHIPPING_ZONE_IN_USE"
    await shipping.DeleteShippingMethod(shipping_pb2.DeleteShippingMethodRequest(name=method.name))
    await shipping.DeleteShippingZone(shipping_pb2.DeleteShippingZoneRequest(name=zone.name))
    gone = await refused(shipping.GetShippingZone(shipping_pb2.GetShippingZoneRequest(name=zone.name)))
    assert gone.reason == "SHIPPING_ZONE_NOT_FOUND"
    assert (await refused(a_parcel(shipping, zone.name))).reason == "SHIPPING_ZONE_NOT_FOUND"
    table = await a_table(taxes, home=True)
    assert (await refused(a_table(taxes))).reason == "TAX_TABLE_EXISTS"
    assert (await refused(a_table(taxes, region="广东", home=True))).reason == "TAX_TABLE_EXISTS"
    changed = taxes_pb2.TaxTable(name=table.name, rounding=deliveries_pb2.TAX_ROUNDING_HALF_EVEN)
    after = await taxes.UpdateTaxTable(taxes_pb2.UpdateTaxTableRequest(tax_table=changed))
    assert (after.rounding, after.home, len(after.rates)) == (deliveries_pb2.TAX_ROUNDING_HALF_EVEN, True, 2)
    assert list((await taxes.ListTaxTables(taxes_pb2.ListTaxTablesRequest())).tax_tables) == [after]
    assert await taxes.GetTaxTable(taxes_pb2.GetTaxTableRequest(name=table.name)) == after
    await taxes.DeleteTaxTable(taxes_pb2.DeleteTaxTableRequest(name=table.name, etag=after.etag))


async def test_freight_is_paid_and_given_back_with_the_rest(
    orders: OrdersServiceStub, shop: Shop, shipping: ShippingServiceStub
) -> None:
    parcel = await a_parcel(shipping, (await a_zone(shipping)).name)
    order = await orders.PlaceOrder(placing((await shop.product(price=990), 1), delivery=sent(parcel)))
    assert order.amount_due == cny(1790)
    assert (await shop.pay(order)).payments[0].amount == cny(1790)


async def test_delivery_and_tax_cost_an_order_one_statement_for_its_address(
    orders: OrdersServiceStub, shop: Shop, shipping: ShippingServiceStub, taxes: TaxesServiceStub, server: Server
) -> None:
    sent_to_it: list[str] = []
    listen(server.database._engine.sync_engine, "before_cursor_execute", lambda *given: sent_to_it.append(given[2]))
    product, parcel = await shop.product(), await a_parcel(shipping, (await a_zone(shipping)).name)
    await a_table(taxes)

    async def place(delivery: deliveries_pb2.DeliveryChoice | None) -> list[str]:
        await orders.PlaceOrder(placing((product, 1), delivery=delivery))  # whatever is read once a second is read now
        sent_to_it.clear()
        await orders.PlaceOrder(placing((product, 1), delivery=delivery))
        return [said for said in sent_to_it if "from tariffs" not in said and said != "select 1"]

    more = set(await place(sent(parcel))) - set(await place(None))
    assert [said.split()[:3] for said in more] == [["insert", "into", "delivery_addresses"]]


async def test_another_process_knows_a_change_soon(
    orders: OrdersServiceStub,
    shop: Shop,
    taxes: TaxesServiceStub,
    url: str,
    peers: str,
    settings: Callable[..., Any],
    keys: Keys,
) -> None:
    product = await shop.product(price=1130)
    other = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers))
    async with serving(other, keys.bearer("admin")) as channel:

        async def taxed() -> bool:
            request = orders_pb2.QuoteOrderRequest(
                channel="web", lines=[orders_pb2.RequestedLine(product=product, quantity=1)]
            )
            return bool((await OrdersServiceStub(channel).QuoteOrder(request)).tax.units)

        assert not await taxed()
        await a_table(taxes, home=True)
        quote = await orders.QuoteOrder(
            orders_pb2.QuoteOrderRequest(channel="web", lines=[orders_pb2.RequestedLine(product=product, quantity=1)])
        )
        assert quote.tax == cny(130)
        deadline = time.monotonic() + 10
        while not await taxed():
            assert time.monotonic() < deadline
