"""Bargains over gRPC."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from kehu.orders.v1 import bargains_pb2 as pb
from kehu.orders.v1.bargains_pb2_grpc import BargainsServiceStub

from kit.money import Money
from kit.rpc.convert import wire_instant, wire_money
from tests.component.orders.conftest import Shop
from tests.support.rpc import refused

HOUR = timedelta(hours=1)


@pytest.fixture
def bargains(channel: grpc.aio.Channel) -> BargainsServiceStub:
    """The service, as a client sees it."""
    return BargainsServiceStub(channel)


def yuan(minor: int) -> Any:
    return wire_money(Money(minor, "CNY"))


def a_member() -> str:
    return f"members/{uuid.uuid4()}"


async def a_bargain(bargains: BargainsServiceStub, shop: Shop, **fields: Any) -> pb.Bargain:
    now = datetime.now(UTC)
    bargain = pb.Bargain(
        product=await shop.product(price=1500, stock=2),
        price=yuan(1000),
        start_time=wire_instant(now - HOUR),
        end_time=wire_instant(now + HOUR),
        duration=Duration(seconds=3600),
        **{"floor_price": yuan(400), "helper_count": 4, **fields},
    )
    made: pb.Bargain = await bargains.CreateBargain(pb.CreateBargainRequest(bargain=bargain))
    return made


async def test_a_bargain_is_made_read_listed_and_cancelled(bargains: BargainsServiceStub, shop: Shop) -> None:
    made = await a_bargain(bargains, shop)
    assert (made.state, made.hold_duration.seconds) == (pb.Bargain.STATE_OPEN, 900)
    assert await bargains.GetBargain(pb.GetBargainRequest(name=made.name)) == made
    assert list((await bargains.ListBargains(pb.ListBargainsRequest(product=made.product))).bargains) == [made]
    wrong = pb.CancelBargainRequest(name=made.name, etag='"99"')
    assert (await refused(bargains.CancelBargain(wrong))).reason == "ETAG_MISMATCH"
    cancelled = await bargains.CancelBargain(pb.CancelBargainRequest(name=made.name, etag=made.etag))
    assert cancelled.state == pb.Bargain.STATE_CANCELLED
    begin = pb.BeginHaggleRequest(parent=made.name, member=a_member())
    assert (await refused(bargains.BeginHaggle(begin))).reason == "BARGAIN_NOT_OPEN"
    missing = pb.GetBargainRequest(name=f"bargains/{uuid.uuid4()}")
    assert (await refused(bargains.GetBargain(missing))).reason == "BARGAIN_NOT_FOUND"
    assert (await refused(a_bargain(bargains, shop, floor_price=yuan(1000)))).fields == ["bargain.floor_price"]
    dollars = wire_money(Money(400, "USD"))
    assert (await refused(a_bargain(bargains, shop, floor_price=dollars))).fields == ["bargain.floor_price"]


async def test_friends_cut_a_price_to_its_floor_and_the_member_buys(bargains: BargainsServiceStub, shop: Shop) -> None:
    made, member = await a_bargain(bargains, shop), a_member()
    haggle = await bargains.BeginHaggle(pb.BeginHaggleRequest(parent=made.name, member=member))
    assert (haggle.reached_price, haggle.left_count) == (yuan(1000), 4)
    helpers = [member, *(a_member() for _ in range(3))]
    cuts = await asyncio.gather(
        *(bargains.CutPrice(pb.CutPriceRequest(name=haggle.name, member=each)) for each in helpers)
    )
    assert sum(each.amount.units * 100 + each.amount.nanos // 10**7 for each in cuts) == 600
    again = pb.CutPriceRequest(name=haggle.name, member=helpers[1])
    assert (await refused(bargains.CutPrice(again))).reason == "HAGGLE_CUT_ALREADY"
    late = await refused(bargains.CutPrice(pb.CutPriceRequest(name=haggle.name, member=a_member())))
    assert (late.reason, late.metadata["state"]) == ("HAGGLE_STATE_INVALID", "FLOOR")

    stranger = pb.BuyHaggleRequest(name=haggle.name, member=a_member(), channel="web")
    assert (await refused(bargains.BuyHaggle(stranger))).reason == "HAGGLE_NOT_FOUND"
    request = pb.BuyHaggleRequest(name=haggle.name, member=member, channel="web", request_id=str(uuid.uuid4()))
    order = await bargains.BuyHaggle(request)
    assert (order.amount_due, order.activity) == (yuan(400), haggle.name)
    assert await bargains.BuyHaggle(request) == order
    await shop.pay(order)
    found = await bargains.GetHaggle(pb.GetHaggleRequest(name=haggle.name))
    assert (found.state, found.order) == (pb.Haggle.STATE_BOUGHT, order.name)
    assert await shop.stock(made.product) == (1, 0)
