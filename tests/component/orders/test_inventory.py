"""InventoryService: locations, stock by location, transfers, counts, reservations; two servers over one database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.orders.v1 import inventory_pb2 as pb
from kehu.orders.v1 import orders_pb2, stock_pb2
from kehu.orders.v1.inventory_pb2_grpc import InventoryServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from services.orders.config import Config
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.support.rpc import Keys, refused, serving


@pytest.fixture
def inventory(channel: grpc.aio.Channel) -> InventoryServiceStub:
    """The service, as a client sees it."""
    return InventoryServiceStub(channel)


@pytest.fixture
async def twin(url: str, peers: str, settings: Callable[..., Any], keys: Keys) -> AsyncIterator[OrdersServiceStub]:
    """Another server over the same database."""
    server = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers))
    async with serving(server, keys.bearer("admin")) as channel:
        yield OrdersServiceStub(channel)


async def opened(inventory: InventoryServiceStub, name: str, **fields: Any) -> pb.Location:
    location = pb.Location(**{"title": name, "kind": pb.Location.KIND_STORE, "active": True, **fields})
    made: pb.Location = await inventory.CreateLocation(pb.CreateLocationRequest(location=location, location_id=name))
    return made


def item(product: str, quantity: int) -> pb.StockItem:
    return pb.StockItem(product=product, quantity=quantity)


async def stored(inventory: InventoryServiceStub, product: str, location: str) -> stock_pb2.Stock:
    request = pb.ListStocksRequest(parent=product, location=f"locations/{location}")
    answer: pb.ListStocksResponse = await inventory.ListStocks(request)
    (found,) = answer.stocks
    return found


async def test_a_location_is_opened_changed_and_listed(inventory: InventoryServiceStub) -> None:
    made = await opened(inventory, "shop", pickup=True, priority=3)
    assert await inventory.GetLocation(pb.GetLocationRequest(name="locations/shop")) == made
    taken = await refused(opened(inventory, "shop"))
    assert (taken.code, taken.reason) == (grpc.StatusCode.ALREADY_EXISTS, "LOCATION_EXISTS")
    change = pb.Location(name=made.name, ships=True, etag=made.etag)
    update = pb.UpdateLocationRequest(location=change, update_mask=FieldMask(paths=["ships", "priority"]))
    changed = await inventory.UpdateLocation(update)
    assert (changed.ships, changed.priority, changed.pickup) == (True, 0, True)
    assert (await refused(inventory.UpdateLocation(update))).reason == "ETAG_MISMATCH"
    first = await inventory.ListLocations(pb.ListLocationsRequest(page_size=1))
    rest = await inventory.ListLocations(pb.ListLocationsRequest(page_size=1, page_token=first.next_page_token))
    assert [each.name for each in (*first.locations, *rest.locations)] == ["locations/main", "locations/shop"]
    assert (await refused(inventory.GetLocation(pb.GetLocationRequest(name="locations/moon")))).reason == (
        "LOCATION_NOT_FOUND"
    )


async def test_an_order_is_served_where_its_goods_are(
    inventory: InventoryServiceStub, orders: OrdersServiceStub, shop: Shop
) -> None:
    product = await shop.product(stock=1)
    await opened(inventory, "shop", pickup=True)
    await orders.ReceiveStock(stock_pb2.ReceiveStockRequest(name=f"{product}/stocks/shop", quantity=2))
    assert (await orders.PlaceOrder(placing((product, 1)))).location == "locations/main"
    assert (await refused(orders.PlaceOrder(placing((product, 1))))).reason == "OUT_OF_STOCK"
    sold = await orders.PlaceOrder(placing((product, 2), location="locations/shop"))
    assert sold.location == "locations/shop"
    await shop.pay(sold)
    assert (await stored(inventory, product, "shop")).on_hand == 0


async def test_stock_says_how_it_is_sold(
    inventory: InventoryServiceStub, orders: OrdersServiceStub, shop: Shop
) -> None:
    product = await shop.product(stock=5)
    arrival = datetime.now(UTC) + timedelta(days=3)
    policy = stock_pb2.StockPolicy(kind=stock_pb2.StockPolicy.KIND_PREORDER, limit=4)
    policy.arrive_time.FromDatetime(arrival)
    given = stock_pb2.Stock(name=f"{product}/stocks/main", buffer=2, low_threshold=0, policy=policy)
    changed = await inventory.UpdateStock(pb.UpdateStockRequest(stock=given))
    assert (changed.available, changed.buffer, changed.low_threshold, changed.policy) == (3, 2, 0, policy)
    order = await orders.PlaceOrder(placing((product, 7)))
    assert order.awaiting
    (owed,) = (await inventory.ListBackorders(pb.ListBackordersRequest(parent="products/-"))).backorders
    assert (owed.order, owed.stock, owed.quantity, owed.paid) == (order.name, given.name, 4, False)
    low = await inventory.ListStocks(pb.ListStocksRequest(parent="products/-", low=True))
    assert [each.name for each in low.stocks] == [given.name]
    moved = await inventory.ListStockMovements(pb.ListStockMovementsRequest(parent=given.name))
    latest = moved.stock_movements[0]
    assert (latest.kind, latest.reserved, latest.backordered) == (pb.StockMovement.KIND_RESERVED, 3, 4)
    assert latest.order == order.name
    bad = stock_pb2.Stock(name=given.name, policy=stock_pb2.StockPolicy(limit=1))
    assert (await refused(inventory.UpdateStock(pb.UpdateStockRequest(stock=bad)))).fields == ["stock.policy"]


async def test_units_travel_between_locations(inventory: InventoryServiceStub, shop: Shop) -> None:
    product = await shop.product(stock=9)
    await opened(inventory, "shop")
    sent = pb.StockTransfer(origin="locations/main", destination="locations/shop", items=[item(product, 4)])
    at_once = await inventory.CreateStockTransfer(pb.CreateStockTransferRequest(stock_transfer=sent, arrived=True))
    assert at_once.state == pb.StockTransfer.STATE_RECEIVED
    request = pb.CreateStockTransferRequest(stock_transfer=sent, request_id=str(uuid.uuid4()))
    under_way = await inventory.CreateStockTransfer(request)
    assert await inventory.CreateStockTransfer(request) == under_way
    assert await shop.stock(product) == (1, 0)
    arrived = pb.ReceiveStockTransferRequest(name=under_way.name, items=[item(product, 3)])
    received = await inventory.ReceiveStockTransfer(arrived)
    assert (received.state, list(received.received_items)) == (pb.StockTransfer.STATE_RECEIVED, [item(product, 3)])
    assert (await stored(inventory, product, "shop")).on_hand == 7
    ended = await refused(inventory.CancelStockTransfer(pb.CancelStockTransferRequest(name=under_way.name)))
    assert ended.reason == "STOCK_DOCUMENT_ENDED"
    assert (
        await refused(inventory.CreateStockTransfer(pb.CreateStockTransferRequest(stock_transfer=sent)))
    ).reason == ("OUT_OF_STOCK")
    listed = await inventory.ListStockTransfers(pb.ListStockTransfersRequest())
    assert [each.name for each in listed.stock_transfers] == [under_way.name, at_once.name]


async def test_a_count_books_its_differences(inventory: InventoryServiceStub, shop: Shop) -> None:
    product = await shop.product(stock=9)
    opening = pb.CreateStockCountRequest(stock_count=pb.StockCount(location="locations/main", note="spring"))
    count = await inventory.CreateStockCount(opening)
    entry = pb.EnterStockCountRequest(name=count.name, items=[pb.CountedItem(product=product, counted=7)])
    entered = await inventory.EnterStockCount(entry)
    assert [(line.counted, line.expected) for line in entered.lines] == [(7, 9)]
    posted = await inventory.PostStockCount(pb.PostStockCountRequest(name=count.name))
    assert posted.state == pb.StockCount.STATE_POSTED
    assert await shop.stock(product) == (7, 0)
    assert await inventory.GetStockCount(pb.GetStockCountRequest(name=count.name)) == posted
    another = await inventory.CreateStockCount(opening)
    given_up = await inventory.CancelStockCount(pb.CancelStockCountRequest(name=another.name))
    listed = await inventory.ListStockCounts(pb.ListStockCountsRequest(state=pb.StockCount.STATE_CANCELLED))
    assert list(listed.stock_counts) == [given_up]


async def test_units_are_set_aside_for_a_while(inventory: InventoryServiceStub, shop: Shop) -> None:
    product = await shop.product(stock=3)
    wanted = pb.Reservation(items=[item(product, 2)], source="cart 7")
    request = pb.CreateReservationRequest(reservation=wanted, ttl=Duration(seconds=60), request_id=str(uuid.uuid4()))
    held = await inventory.CreateReservation(request)
    assert await inventory.CreateReservation(request) == held
    assert (held.state, held.location, held.source) == (pb.Reservation.STATE_HELD, "locations/main", "cart 7")
    assert await shop.stock(product) == (3, 2)
    confirmed = await inventory.ConfirmReservation(pb.ConfirmReservationRequest(name=held.name))
    assert await inventory.ConfirmReservation(pb.ConfirmReservationRequest(name=held.name)) == confirmed
    assert await inventory.GetReservation(pb.GetReservationRequest(name=held.name)) == confirmed
    late = await refused(inventory.ReleaseReservation(pb.ReleaseReservationRequest(name=held.name)))
    assert (late.reason, late.metadata["state"]) == ("RESERVATION_ENDED", "CONFIRMED")
    assert await shop.stock(product) == (1, 0)


async def test_the_last_unit_goes_to_one_of_two_hundred_buyers_at_two_servers(
    orders: OrdersServiceStub, twin: OrdersServiceStub, shop: Shop, database: Database[OrdersUnit]
) -> None:
    product = await shop.product(stock=1)

    async def buy(index: int) -> str:
        try:
            order: orders_pb2.Order = await (orders, twin)[index % 2].PlaceOrder(placing((product, 1)))
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return str(order.name)

    outcomes = await asyncio.gather(*(buy(index) for index in range(200)))
    assert len([outcome for outcome in outcomes if outcome.startswith("orders/")]) == 1
    assert {outcome for outcome in outcomes if not outcome.startswith("orders/")} == {"FAILED_PRECONDITION"}
    assert database.read(lambda unit: unit.stock_proof.compare(1)).differences == ()
