"""Callers who see a part of the organisation: its stores and what they sell, its locations and what lies there."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.orders.v1 import (
    catalogue_pb2,
    checkout_pb2,
    deliveries_pb2,
    flash_sales_pb2,
    fulfilment_pb2,
    orders_pb2,
    payments_pb2,
    refunds_pb2,
    shipping_pb2,
    stock_pb2,
)
from kehu.orders.v1 import inventory_pb2 as pb
from kehu.orders.v1 import order_desk_pb2 as desk
from kehu.orders.v1.flash_sales_pb2_grpc import FlashSalesServiceStub
from kehu.orders.v1.shipping_pb2_grpc import ShippingServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.money import Money
from kit.rpc.convert import wire_money
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.catalogue import follow_stores
from services.orders.usecases.opportunity import Deal, DealLine, order_deals
from tests.component.orders.conftest import EAST, WEST, Clerk, Shop, placing
from tests.component.orders.test_flash_sales import a_sale
from tests.component.orders.test_refund_order import refunding
from tests.support.rpc import refused

NOT_FOUND, DENIED = grpc.StatusCode.NOT_FOUND, "ORG_SCOPE_MISSING"


async def sold(shop: Shop, store: str) -> orders_pb2.Order:
    """A paid order of a store."""
    order = await shop.orders.PlaceOrder(placing((await shop.product(price=1000), 2), store=store))
    return await shop.pay(order)


async def listed(clerk: Clerk) -> dict[str, set[str]]:
    """The orders that a caller's lists tell of, by list."""
    found = await clerk.orders.ListOrders(orders_pb2.ListOrdersRequest())
    searched = await clerk.desk.SearchOrders(desk.SearchOrdersRequest())
    refunds = await clerk.orders.ListRefunds(refunds_pb2.ListRefundsRequest(parent="orders/-"))
    shipments = await clerk.fulfilment.ListShipments(fulfilment_pb2.ListShipmentsRequest(parent="orders/-"))
    invoices = await clerk.desk.ListInvoices(desk.ListInvoicesRequest(parent="orders/-"))
    return {
        "orders": {each.name for each in found.orders},
        "found": {each.order.name for each in searched.orders},
        "refunds": {_order(each.name) for each in refunds.refunds},
        "shipments": {_order(each.name) for each in shipments.shipments},
        "invoices": {_order(each.name) for each in invoices.invoices},
    }


def _order(name: str) -> str:
    return "/".join(name.split("/")[:2])


@pytest.mark.usefixtures("stores")
async def test_the_orders_of_the_own_stores_are_seen_with_all_that_belongs_to_them(
    boss: Clerk, east: Clerk, shop: Shop
) -> None:
    ours, theirs, online = [await sold(shop, store) for store in ("sh-1", "cd-1", "")]
    for order in (ours, theirs, online):
        await boss.fulfilment.CreateShipment(fulfilment_pb2.CreateShipmentRequest(parent=order.name))
        await boss.desk.RequestInvoice(desk.RequestInvoiceRequest(parent=order.name, invoice=desk.Invoice(title="x")))
        await boss.orders.RefundOrder(refunding(order.name, (1, 1)))

    assert set(map(frozenset, (await listed(east)).values())) == {frozenset({ours.name})}
    assert set(map(len, (await listed(boss)).values())) == {3}
    assert (await east.orders.GetOrder(orders_pb2.GetOrderRequest(name=ours.name))).name == ours.name
    for beyond in (theirs.name, online.name, f"orders/{uuid.uuid4()}"):
        for call in touching(east, beyond):
            assert (await refused(call)).code is NOT_FOUND


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("filter_", ["tag", "sku", "held", "channel", "state", "currency_code", "start_time"])
async def test_every_filter_of_the_desk_stays_within_the_part(
    boss: Clerk, east: Clerk, shop: Shop, filter_: str
) -> None:
    product = await shop.product(price=1000)
    orders = [await boss.orders.PlaceOrder(placing((product, 1), store=store)) for store in ("sh-1", "cd-1")]
    for order in orders:
        await boss.desk.TagOrder(desk.TagOrderRequest(name=order.name, add_tags=["vip"]))
        await boss.desk.HoldOrder(desk.HoldOrderRequest(name=order.name, reason="x"))
    filters: dict[str, Any] = {
        "tag": "vip",
        "sku": orders[0].lines[0].sku,
        "held": True,
        "channel": "web",
        "state": orders[0].state,
        "currency_code": orders[0].total.currency_code,
        "start_time": orders[0].place_time,
    }
    asked = desk.SearchOrdersRequest(**{filter_: filters[filter_]})

    assert [each.order.name for each in (await east.desk.SearchOrders(asked)).orders] == [orders[0].name]
    assert len((await boss.desk.SearchOrders(asked)).orders) == 2


def touching(clerk: Clerk, order: str) -> list[Awaitable[Any]]:
    """Calls about an order, one of each room."""
    return [
        clerk.orders.GetOrder(orders_pb2.GetOrderRequest(name=order)),
        clerk.orders.PayOrder(
            orders_pb2.PayOrderRequest(name=order, tender=orders_pb2.TENDER_MANUAL, amount=wire_money(Money(1, "USD")))
        ),
        clerk.orders.CancelOrder(orders_pb2.CancelOrderRequest(name=order, reason=orders_pb2.CANCEL_REASON_CUSTOMER)),
        clerk.orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order, reason="x")),
        clerk.orders.ListRefunds(refunds_pb2.ListRefundsRequest(parent=order)),
        clerk.fulfilment.ListShipments(fulfilment_pb2.ListShipmentsRequest(parent=order)),
        clerk.fulfilment.CreateShipment(fulfilment_pb2.CreateShipmentRequest(parent=order)),
        clerk.desk.WriteOrderNote(desk.WriteOrderNoteRequest(name=order, text="x")),
        clerk.desk.ListInvoices(desk.ListInvoicesRequest(parent=order)),
        clerk.payments.ListPaymentIntents(payments_pb2.ListPaymentIntentsRequest(parent=order)),
        ShippingServiceStub(clerk.channel).GetDeliveryAddress(
            shipping_pb2.GetDeliveryAddressRequest(name=f"{order}/address")
        ),
        clerk.checkouts.ExplainCheckout(checkout_pb2.ExplainCheckoutRequest(name=order)),
    ]


@pytest.mark.usefixtures("stores")
async def test_things_are_sold_in_the_own_stores_alone(boss: Clerk, east: Clerk, shop: Shop) -> None:
    product = await shop.product(price=1000)

    order = await east.orders.PlaceOrder(placing((product, 1), store="sh-1"))
    assert (await east.orders.GetOrder(orders_pb2.GetOrderRequest(name=order.name))).name == order.name
    by_name = await east.orders.PlaceOrder(placing((product, 1), store="stores/sh-1"))
    assert (await listed(east))["orders"] == {order.name, by_name.name}
    for store, reason in (("cd-1", "NOT_FOUND"), ("nowhere", "NOT_FOUND"), ("", DENIED)):
        assert (await refused(east.orders.PlaceOrder(placing((product, 1), store=store)))).reason == reason
    stranger = placing((product, 1), store="sh-1", location="locations/cd-1")
    assert (await refused(east.orders.PlaceOrder(stranger))).code is NOT_FOUND
    assert len((await listed(boss))["orders"]) == 2


@pytest.mark.usefixtures("stores")
async def test_stock_is_reached_where_it_lies(boss: Clerk, east: Clerk, shop: Shop) -> None:
    product = await shop.product(price=1000)
    for place in ("sh-1", "cd-1"):
        await boss.orders.ReceiveStock(stock_pb2.ReceiveStockRequest(name=f"{product}/stocks/{place}", quantity=5))

    seen = await east.inventory.ListStocks(pb.ListStocksRequest(parent="products/-"))
    assert [each.name for each in seen.stocks] == [f"{product}/stocks/sh-1"]
    places = await east.inventory.ListLocations(pb.ListLocationsRequest())
    assert [each.name for each in places.locations] == ["locations/sh-1"]
    branches = await east.catalogue.ListStores(catalogue_pb2.ListStoresRequest())
    assert [each.name for each in branches.stores] == ["stores/sh-1"]
    ttl = Duration(seconds=60)
    beyond = f"{product}/stocks/cd-1"
    items = [pb.StockItem(product=product, quantity=1)]
    for call in (
        east.orders.GetStock(stock_pb2.GetStockRequest(name=beyond)),
        east.orders.AdjustStock(
            stock_pb2.AdjustStockRequest(name=beyond, delta=1, reason=stock_pb2.ADJUSTMENT_REASON_COUNT, note="x")
        ),
        east.inventory.ListStockMovements(pb.ListStockMovementsRequest(parent=beyond)),
        east.inventory.CreateStockCount(
            pb.CreateStockCountRequest(stock_count=pb.StockCount(location="locations/cd-1"))
        ),
        east.inventory.CreateReservation(
            pb.CreateReservationRequest(
                reservation=pb.Reservation(location="locations/cd-1", items=items, source="x"), ttl=ttl
            )
        ),
        east.inventory.UpdateLocation(pb.UpdateLocationRequest(location=pb.Location(name="locations/cd-1", title="x"))),
        east.catalogue.GetStore(catalogue_pb2.GetStoreRequest(name="stores/cd-1")),
    ):
        assert (await refused(call)).code is NOT_FOUND
    for call in (
        east.catalogue.UpdateStore(
            catalogue_pb2.UpdateStoreRequest(store=catalogue_pb2.Store(name="stores/sh-1", org=WEST))
        ),
        east.inventory.UpdateLocation(
            pb.UpdateLocationRequest(location=pb.Location(name="locations/sh-1"), update_mask=FieldMask(paths=["org"]))
        ),
        east.catalogue.CreateStore(
            catalogue_pb2.CreateStoreRequest(
                store=catalogue_pb2.Store(name="stores/sh-1", title="x", org=EAST), store_id="cd-2"
            )
        ),
    ):
        assert (await refused(call)).reason == DENIED


@pytest.mark.usefixtures("stores")
async def test_a_transfer_is_seen_at_both_ends_and_moved_by_the_right_one(boss: Clerk, east: Clerk, shop: Shop) -> None:
    product = await shop.product(price=1000)
    for place in ("sh-1", "cd-1"):
        await boss.orders.ReceiveStock(stock_pb2.ReceiveStockRequest(name=f"{product}/stocks/{place}", quantity=5))

    async def send(clerk: Clerk, origin: str, destination: str) -> pb.StockTransfer:
        transfer = pb.StockTransfer(
            origin=f"locations/{origin}",
            destination=f"locations/{destination}",
            items=[pb.StockItem(product=product, quantity=1)],
        )
        made: pb.StockTransfer = await clerk.inventory.CreateStockTransfer(
            pb.CreateStockTransferRequest(stock_transfer=transfer)
        )
        return made

    out, back, other = (
        await send(east, "sh-1", "cd-1"),
        await send(boss, "cd-1", "sh-1"),
        await send(boss, "cd-1", "eastern-1"),
    )

    assert (await refused(send(east, "cd-1", "sh-1"))).code is NOT_FOUND
    seen = await east.inventory.ListStockTransfers(pb.ListStockTransfersRequest())
    assert {each.name for each in seen.stock_transfers} == {out.name, back.name}
    for call in (
        east.inventory.GetStockTransfer(pb.GetStockTransferRequest(name=other.name)),
        east.inventory.ReceiveStockTransfer(pb.ReceiveStockTransferRequest(name=out.name)),
        east.inventory.CancelStockTransfer(pb.CancelStockTransferRequest(name=back.name)),
    ):
        assert (await refused(call)).code is NOT_FOUND
    await east.inventory.ReceiveStockTransfer(pb.ReceiveStockTransferRequest(name=back.name))
    await east.inventory.CancelStockTransfer(pb.CancelStockTransferRequest(name=out.name))


@pytest.mark.usefixtures("stores")
async def test_orders_follow_their_store_and_deals_their_sales_people(
    boss: Clerk, east: Clerk, shop: Shop, database: Database[OrdersUnit]
) -> None:
    moved, new = await sold(shop, "cd-1"), await sold(shop, "sh-2")
    line = DealLine(uuid.uuid4(), 1, Money(100, "USD"))
    deals = [Deal(uuid.uuid4(), uuid.uuid4(), uuid.uuid4(), (line,), org) for org in ("/cn/east/li", WEST)]
    database.write(order_deals, deals)
    assert (await listed(east))["orders"] == {f"orders/{deals[0].order_id}"}

    store = catalogue_pb2.Store(name="stores/cd-1", org="/cn/east/chengdu")
    await boss.catalogue.UpdateStore(catalogue_pb2.UpdateStoreRequest(store=store))
    await boss.catalogue.CreateStore(
        catalogue_pb2.CreateStoreRequest(store=catalogue_pb2.Store(title="x", org=EAST), store_id="sh-2")
    )
    followed = [database.write(follow_stores, 1) for _ in range(3)]

    assert followed == [1, 1, 0]
    assert (await listed(east))["orders"] == {f"orders/{deals[0].order_id}", moved.name, new.name}


@pytest.mark.usefixtures("stores")
async def test_a_moved_store_is_watched_until_no_order_can_be_left_behind(database: Database[OrdersUnit]) -> None:
    def watched(unit: OrdersUnit) -> int:
        return int(
            unit.connection.execute(text("select count(*) from stores where move_time is not null")).scalar_one()
        )

    def later(unit: OrdersUnit) -> None:
        unit.outlets.follow(10, datetime.now(UTC) + timedelta(minutes=2))

    database.write(follow_stores, 10)
    assert database.read(watched) == 3
    database.write(later)
    assert database.read(watched) == 0


@pytest.mark.usefixtures("stores")
async def test_what_concerns_the_whole_house_is_not_changed_by_naming_something_of_ones_own(
    east: Clerk, shop: Shop
) -> None:
    sale = a_sale(await shop.product(price=1000), location="locations/sh-1", quota=1)
    method = shipping_pb2.ShippingMethod(
        title="x", kind=deliveries_pb2.SHIPPING_KIND_PICK_UP, pick_up_locations=["locations/sh-1"]
    )
    for call in (
        ShippingServiceStub(east.channel).CreateShippingMethod(
            shipping_pb2.CreateShippingMethodRequest(shipping_method=method)
        ),
        FlashSalesServiceStub(east.channel).CreateFlashSale(flash_sales_pb2.CreateFlashSaleRequest(flash_sale=sale)),
        east.checkouts.ListCheckouts(checkout_pb2.ListCheckoutsRequest(org="/cn")),
        east.payments.ListPaymentIntents(payments_pb2.ListPaymentIntentsRequest(parent="orders/-", org=WEST)),
        east.orders.ListOrders(orders_pb2.ListOrdersRequest(org="/cn")),
    ):
        assert (await refused(call)).reason == DENIED
