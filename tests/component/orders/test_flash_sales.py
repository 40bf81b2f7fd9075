"""Flash sales over gRPC, on two servers over one database."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.orders.v1 import flash_sales_pb2 as pb
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1.flash_sales_pb2_grpc import FlashSalesServiceStub

from kit.db import Database
from kit.money import Money
from kit.rpc import Server
from kit.rpc.convert import wire_instant, wire_money
from services.orders.config import Config
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.expiry import expire_orders
from tests.component.orders.conftest import Shop
from tests.support.rpc import Keys, Refusal, channel_to, refused, serving
from tests.support.waiting import until

HOUR = timedelta(hours=1)


@pytest.fixture
def sales(channel: grpc.aio.Channel) -> FlashSalesServiceStub:
    """The service, as a client sees it."""
    return FlashSalesServiceStub(channel)


@pytest.fixture
async def beside(
    url: str, peers: str, settings: Callable[..., Any], keys: Keys
) -> AsyncIterator[FlashSalesServiceStub]:
    """The same service by another process."""
    other: Server = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers))
    async with serving(other, keys.bearer("shopper")) as channel:
        yield FlashSalesServiceStub(channel)


@pytest.fixture
def opening(sales: FlashSalesServiceStub, shop: Shop) -> Callable[..., Any]:
    """Makes a sale that can be bought in."""

    async def make(*, quota: int = 5, stock: int = 10, **fields: Any) -> pb.FlashSale:
        sale = a_sale(await shop.product(price=990, stock=stock), quota=quota, **fields)
        made: pb.FlashSale = await sales.CreateFlashSale(pb.CreateFlashSaleRequest(flash_sale=sale))
        return made

    return make


def a_sale(product: str, *, start: timedelta = -HOUR, end: timedelta = HOUR, **fields: Any) -> pb.FlashSale:
    now = datetime.now(UTC)
    return pb.FlashSale(
        product=product,
        price=wire_money(Money(500, "CNY")),
        start_time=wire_instant(now + start),
        end_time=wire_instant(now + end),
        **fields,
    )


def a_member() -> str:
    return f"members/{uuid.uuid4()}"


def buying(sale: pb.FlashSale, member: str = "", **fields: Any) -> pb.BuyFlashSaleRequest:
    return pb.BuyFlashSaleRequest(name=sale.name, member=member or a_member(), channel="web", **fields)


async def figures(sales: FlashSalesServiceStub, sale: pb.FlashSale) -> pb.FlashSaleFigures:
    found: pb.FlashSaleFigures = await sales.GetFlashSaleFigures(
        pb.GetFlashSaleFiguresRequest(name=f"{sale.name}/figures")
    )
    return found


async def test_a_sale_is_made_read_listed_changed_and_cancelled(
    sales: FlashSalesServiceStub, opening: Callable[..., Any], shop: Shop
) -> None:
    sale = await opening(display_name="Rush", member_limit=2, tiers=["gold"], channels=["app"])
    assert (sale.state, sale.location, sale.hold_duration.seconds) == (pb.FlashSale.STATE_OPEN, "locations/main", 300)
    assert await shop.stock(sale.product) == (10, 5)
    assert await sales.GetFlashSale(pb.GetFlashSaleRequest(name=sale.name)) == sale
    listed = await sales.ListFlashSales(pb.ListFlashSalesRequest(product=sale.product))
    assert list(listed.flash_sales) == [sale]

    change = pb.FlashSale(name=sale.name, quota=7, etag=sale.etag)
    changed = await sales.UpdateFlashSale(
        pb.UpdateFlashSaleRequest(flash_sale=change, update_mask=FieldMask(paths=["quota", "tiers"]))
    )
    assert (changed.quota, list(changed.tiers), list(changed.channels)) == (7, [], ["app"])
    assert (
        await refused(sales.UpdateFlashSale(pb.UpdateFlashSaleRequest(flash_sale=change)))
    ).reason == "ETAG_MISMATCH"
    cancelled = await sales.CancelFlashSale(pb.CancelFlashSaleRequest(name=sale.name, etag=changed.etag))
    assert cancelled.state == pb.FlashSale.STATE_CANCELLED
    assert await shop.stock(sale.product) == (10, 0)


async def test_an_order_of_a_sale_is_paid_and_cancelled_as_any_other(
    sales: FlashSalesServiceStub, opening: Callable[..., Any], shop: Shop
) -> None:
    sale = await opening(quota=2)
    first, second = [await sales.BuyFlashSale(buying(sale)) for _ in range(2)]
    assert first.amount_due == wire_money(Money(500, "CNY"))
    await shop.pay(first)
    await shop.orders.CancelOrder(
        orders_pb2.CancelOrderRequest(name=second.name, reason=orders_pb2.CANCEL_REASON_CUSTOMER)
    )
    seen = await figures(sales, sale)
    assert (seen.quota, seen.free_units, seen.held_units, seen.sold_units) == (2, 1, 0, 1)
    assert await shop.stock(sale.product) == (9, 1)


async def test_many_clicks_of_many_buyers_on_two_servers_sell_the_quota(
    sales: FlashSalesServiceStub, beside: FlashSalesServiceStub, opening: Callable[..., Any]
) -> None:
    sale = await opening(quota=20, stock=20, bucket_count=4)
    members = [a_member() for _ in range(40)]

    async def click(number: int) -> str:
        stub = (sales, beside)[number % 2]
        try:
            await stub.BuyFlashSale(buying(sale, members[number % 40], request_id=str(uuid.uuid4())))
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "bought"

    outcomes = await asyncio.gather(*(click(number) for number in range(300)))
    assert Counter(outcomes) == {"bought": 20, "FAILED_PRECONDITION": 280}
    seen = await figures(sales, sale)
    assert (seen.free_units, seen.held_units) == (0, 20)


async def test_a_repeat_gets_its_order_even_when_all_is_sold(
    sales: FlashSalesServiceStub, beside: FlashSalesServiceStub, opening: Callable[..., Any]
) -> None:
    sale = await opening(quota=1)
    request = buying(sale, request_id=str(uuid.uuid4()))
    order = await sales.BuyFlashSale(request)
    for stub in (sales, beside, sales, beside):
        assert (await refused(stub.BuyFlashSale(buying(sale)))).reason == "FLASH_SALE_SOLD_OUT"
        assert await stub.BuyFlashSale(request) == order


async def test_holds_that_expire_reopen_the_sale(
    sales: FlashSalesServiceStub, opening: Callable[..., Any], database: Database[OrdersUnit]
) -> None:
    sale = await opening(quota=1, hold_duration=timedelta(seconds=1))
    await sales.BuyFlashSale(buying(sale))
    assert (await refused(sales.BuyFlashSale(buying(sale)))).reason == "FLASH_SALE_SOLD_OUT"
    await asyncio.to_thread(until, lambda: database.write(expire_orders, 10), within=5)
    assert (await figures(sales, sale)).free_units == 1
    async with asyncio.timeout(5):
        while not await _bought(sales, sale):
            pass


async def _bought(sales: FlashSalesServiceStub, sale: pb.FlashSale) -> bool:
    try:
        await sales.BuyFlashSale(buying(sale))
    except grpc.aio.AioRpcError:
        return False
    return True


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"start": HOUR, "end": 2 * HOUR}, "FLASH_SALE_NOT_OPEN"),
        ({"channels": ["app"]}, "FLASH_SALE_NOT_ELIGIBLE"),
        ({"tiers": ["gold"]}, "FLASH_SALE_NOT_ELIGIBLE"),
        ({"admitted_per_second": 10}, "WAITING_TICKET_INVALID"),
    ],
)
async def test_who_is_not_meant_is_refused(
    sales: FlashSalesServiceStub, opening: Callable[..., Any], fields: dict[str, Any], reason: str
) -> None:
    refusal: Refusal = await refused(sales.BuyFlashSale(buying(await opening(**fields))))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)


async def test_the_waiting_room_admits_one_after_the_other(
    sales: FlashSalesServiceStub, opening: Callable[..., Any]
) -> None:
    sale = await opening(admitted_per_second=1)
    members = [a_member() for _ in range(3)]
    entries = [pb.EnterWaitingRoomRequest(name=sale.name, member=member) for member in members]
    tickets = [await sales.EnterWaitingRoom(entry) for entry in entries]
    assert [each.ahead_count for each in tickets] == [0, 1, 2]
    again = await sales.EnterWaitingRoom(entries[2])
    assert again.ticket == tickets[2].ticket

    await sales.BuyFlashSale(buying(sale, members[0], ticket=tickets[0].ticket))
    early = await refused(sales.BuyFlashSale(buying(sale, members[2], ticket=tickets[2].ticket)))
    anothers = await refused(sales.BuyFlashSale(buying(sale, members[2], ticket=tickets[0].ticket)))
    assert (early.reason, anothers.reason) == ("WAITING_TICKET_EARLY", "WAITING_TICKET_INVALID")
    without = await refused(
        sales.EnterWaitingRoom(pb.EnterWaitingRoomRequest(name=(await opening()).name, member=members[0]))
    )
    assert without.reason == "NO_WAITING_ROOM"


async def test_the_figures_are_told_until_the_sale_is_over(
    server: Server, sales: FlashSalesServiceStub, opening: Callable[..., Any], shop: Shop, keys: Keys
) -> None:
    sale = await opening(quota=1)
    metadata = (("authorization", keys.bearer("viewer")),)
    async with channel_to(f"127.0.0.1:{server.port}") as channel:
        request = pb.WatchFlashSaleRequest(name=f"{sale.name}/figures", interval=Duration(nanos=200_000_000))
        watch = aiter(FlashSalesServiceStub(channel).WatchFlashSale(request, metadata=metadata, timeout=20))
        seen = [await anext(watch)]
        order = await sales.BuyFlashSale(buying(sale))
        refusal = await refused(sales.BuyFlashSale(buying(sale)))
        while not (seen[-1].held_units and seen[-1].refusals):
            seen.append(await anext(watch))
        assert [(each.reason, each.count) for each in seen[-1].refusals] == [(refusal.reason, 1)]
        await shop.pay(order)
        await sales.CancelFlashSale(pb.CancelFlashSaleRequest(name=sale.name))
        *_, last = [each async for each in watch]
        assert (last.state, last.sold_units) == (pb.FlashSale.STATE_CANCELLED, 1)


@pytest.mark.parametrize(
    ("roles", "name", "code"),
    [
        ((), "flashSales/{id}/figures", grpc.StatusCode.PERMISSION_DENIED),
        (("viewer",), "flashSales/{id}", grpc.StatusCode.INVALID_ARGUMENT),
        (("viewer",), "flashSales/{id}/figures", grpc.StatusCode.NOT_FOUND),
    ],
)
async def test_a_stream_is_guarded_as_any_call(
    server: Server, channel: grpc.aio.Channel, keys: Keys, roles: tuple[str, ...], name: str, code: grpc.StatusCode
) -> None:
    metadata = (("authorization", keys.bearer(*roles)),)
    async with channel_to(f"127.0.0.1:{server.port}") as plain:
        request = pb.WatchFlashSaleRequest(name=name.format(id=uuid.uuid4()))
        watch = FlashSalesServiceStub(plain).WatchFlashSale(request, metadata=metadata, timeout=5)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await watch.read()
        assert caught.value.code() is code


async def test_a_server_that_stops_ends_its_streams(
    url: str, peers: str, settings: Callable[..., Any], keys: Keys, opening: Callable[..., Any]
) -> None:
    sale = await opening()
    other = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers))
    await other.start()
    async with channel_to(f"127.0.0.1:{other.port}") as plain:
        request = pb.WatchFlashSaleRequest(name=f"{sale.name}/figures")
        metadata = (("authorization", keys.bearer("viewer")),)
        watch = FlashSalesServiceStub(plain).WatchFlashSale(request, metadata=metadata)
        await watch.read()
        async with asyncio.timeout(5):
            await other.stop(grace=20)
            assert await watch.code() is grpc.StatusCode.UNAVAILABLE
