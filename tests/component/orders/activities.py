"""Activities for tests: something at 22.60 in each of them, and how to buy it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from kehu.orders.v1 import bargains_pb2, flash_sales_pb2, group_buys_pb2, orders_pb2, presales_pb2
from kehu.orders.v1.bargains_pb2_grpc import BargainsServiceStub
from kehu.orders.v1.flash_sales_pb2_grpc import FlashSalesServiceStub
from kehu.orders.v1.group_buys_pb2_grpc import GroupBuysServiceStub
from kehu.orders.v1.presales_pb2_grpc import PresalesServiceStub

from kit.rpc.convert import wire_instant
from tests.component.orders.tariffs import cny

HOUR = timedelta(hours=1)
PRICE = 2260


class Activity(NamedTuple):
    """An activity, and how to buy units of its product, at most so many. `name` tells what a member who is to buy asks
    for the price of."""

    product: str
    buy: Callable[..., Awaitable[orders_pb2.Order]]
    name: Callable[[str], Awaitable[str]]
    most: int = 1


def _named(name: str) -> Callable[[str], Awaitable[str]]:
    async def same(_: str) -> str:
        return name

    return same


Opening = Callable[[grpc.aio.Channel, str], Awaitable[Activity]]


def a_member() -> str:
    """Somebody."""
    return f"members/{uuid.uuid4()}"


def window(*, end: timedelta = HOUR) -> dict[str, Any]:
    """From an hour ago."""
    now = datetime.now(UTC)
    return {"start_time": wire_instant(now - HOUR), "end_time": wire_instant(now + end)}


async def a_flash_sale(channel: grpc.aio.Channel, product: str, **fields: Any) -> Activity:
    """A flash sale of five."""
    stub = FlashSalesServiceStub(channel)
    values = {"price": cny(PRICE), "quota": 5, "member_limit": 5, **window(), **fields}
    wanted = flash_sales_pb2.FlashSale(product=product, **values)
    sale = await stub.CreateFlashSale(flash_sales_pb2.CreateFlashSaleRequest(flash_sale=wanted))

    async def buy(**fields: Any) -> orders_pb2.Order:
        request = {"name": sale.name, "member": a_member(), "channel": "web", **fields}
        order: orders_pb2.Order = await stub.BuyFlashSale(flash_sales_pb2.BuyFlashSaleRequest(**request))
        return order

    return Activity(product, buy, _named(sale.name), 5)


async def a_group_buy(channel: grpc.aio.Channel, product: str, **fields: Any) -> Activity:
    """A group buy; `buy` opens a group, or joins the one that it names."""
    stub = GroupBuysServiceStub(channel)
    values = {"price": cny(PRICE), "size": 3, "duration": Duration(seconds=3600), **window(), **fields}
    wanted = group_buys_pb2.GroupBuy(product=product, **values)
    made = await stub.CreateGroupBuy(group_buys_pb2.CreateGroupBuyRequest(group_buy=wanted))

    async def buy(*, group: str = "", **fields: Any) -> orders_pb2.Order:
        request = {"member": a_member(), "channel": "web", **fields}
        if group:
            joined: orders_pb2.Order = await stub.JoinGroup(group_buys_pb2.JoinGroupRequest(name=group, **request))
            return joined
        opened: orders_pb2.Order = await stub.OpenGroup(group_buys_pb2.OpenGroupRequest(parent=made.name, **request))
        return opened

    return Activity(product, buy, _named(made.name))


async def a_bargain(channel: grpc.aio.Channel, product: str, **_: Any) -> Activity:
    """A bargain that nobody cuts."""
    stub = BargainsServiceStub(channel)
    wanted = bargains_pb2.Bargain(
        product=product,
        price=cny(PRICE),
        floor_price=cny(400),
        helper_count=4,
        duration=Duration(seconds=3600),
        **window(),
    )
    made = await stub.CreateBargain(bargains_pb2.CreateBargainRequest(bargain=wanted))

    async def begun(member: str) -> str:
        haggle = await stub.BeginHaggle(bargains_pb2.BeginHaggleRequest(parent=made.name, member=member))
        return str(haggle.name)

    async def buy(*, member: str = "", name: str = "", **fields: Any) -> orders_pb2.Order:
        member = member or a_member()
        request = {"name": name or await begun(member), "member": member, "channel": "web", **fields}
        order: orders_pb2.Order = await stub.BuyHaggle(bargains_pb2.BuyHaggleRequest(**request))
        return order

    return Activity(product, buy, begun)


async def a_presale(channel: grpc.aio.Channel, product: str, **fields: Any) -> Activity:
    """A presale: 10.00 now, which count for 20.00 of 32.60."""
    stub, now = PresalesServiceStub(channel), datetime.now(UTC)
    values = {
        "price": cny(PRICE + 1000),
        "deposit_amount": cny(1000),
        "deposit_credit": cny(2000),
        "quota": 5,
        "deposit_start_time": wire_instant(now - HOUR),
        "deposit_end_time": wire_instant(now + HOUR),
        "balance_start_time": wire_instant(now + HOUR),
        "balance_end_time": wire_instant(now + 2 * HOUR),
    }
    wanted = presales_pb2.Presale(product=product, **{**values, **fields})
    made = await stub.CreatePresale(presales_pb2.CreatePresaleRequest(presale=wanted))

    async def buy(**fields: Any) -> orders_pb2.Order:
        request = {"name": made.name, "member": a_member(), "channel": "web", **fields}
        order: orders_pb2.Order = await stub.BuyPresale(presales_pb2.BuyPresaleRequest(**request))
        return order

    return Activity(product, buy, _named(made.name), 5)


ACTIVITIES: list[Opening] = [a_flash_sale, a_group_buy, a_bargain, a_presale]
ALL = pytest.mark.parametrize("activity", ACTIVITIES, ids=["flash sale", "group buy", "bargain", "presale"])
"""The test is played in each activity."""
