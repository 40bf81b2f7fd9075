"""Group buys over gRPC."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.orders.v1 import group_buys_pb2 as pb
from kehu.orders.v1 import orders_pb2
from kehu.orders.v1.group_buys_pb2_grpc import GroupBuysServiceStub

from kit.money import Money
from kit.rpc import Server
from kit.rpc.convert import wire_instant, wire_money
from tests.component.orders.conftest import Shop
from tests.support.rpc import Keys, channel_to, refused

HOUR = timedelta(hours=1)


@pytest.fixture
def buys(channel: grpc.aio.Channel) -> GroupBuysServiceStub:
    """The service, as a client sees it."""
    return GroupBuysServiceStub(channel)


@pytest.fixture
def starting(buys: GroupBuysServiceStub, shop: Shop) -> Callable[..., Any]:
    """Makes a group buy in which groups can be opened."""

    async def make(*, stock: int = 10, **fields: Any) -> pb.GroupBuy:
        wanted = a_group_buy(await shop.product(price=1500, stock=stock), **fields)
        made: pb.GroupBuy = await buys.CreateGroupBuy(pb.CreateGroupBuyRequest(group_buy=wanted))
        return made

    return make


def a_group_buy(product: str, *, start: timedelta = -HOUR, end: timedelta = HOUR, **fields: Any) -> pb.GroupBuy:
    now = datetime.now(UTC)
    return pb.GroupBuy(
        product=product,
        price=yuan(1000),
        start_time=wire_instant(now + start),
        end_time=wire_instant(now + end),
        duration=Duration(seconds=3600),
        **{"size": 3, **fields},
    )


def yuan(minor: int) -> Any:
    return wire_money(Money(minor, "CNY"))


def a_member() -> str:
    return f"members/{uuid.uuid4()}"


def opening(of: pb.GroupBuy, **fields: Any) -> pb.OpenGroupRequest:
    return pb.OpenGroupRequest(parent=of.name, **{"member": a_member(), "channel": "web", **fields})


def joining(group: str, **fields: Any) -> pb.JoinGroupRequest:
    return pb.JoinGroupRequest(name=group, **{"member": a_member(), "channel": "web", **fields})


async def test_a_group_buy_is_made_read_listed_changed_and_cancelled(
    buys: GroupBuysServiceStub, starting: Callable[..., Any]
) -> None:
    steps = [pb.GroupBuyPriceStep(members=2, price=yuan(900)), pb.GroupBuyPriceStep(members=3, price=yuan(800))]
    made = await starting(kind=pb.GroupBuy.KIND_LADDER, price_steps=steps, channels=["app"], member_limit=2)
    assert (made.state, made.hold_duration.seconds, list(made.price_steps)) == (pb.GroupBuy.STATE_OPEN, 600, steps)
    assert await buys.GetGroupBuy(pb.GetGroupBuyRequest(name=made.name)) == made
    listed = await buys.ListGroupBuys(pb.ListGroupBuysRequest(product=made.product))
    assert list(listed.group_buys) == [made]

    change = pb.GroupBuy(name=made.name, size=4, etag=made.etag)
    changing = pb.UpdateGroupBuyRequest(group_buy=change, update_mask=FieldMask(paths=["size", "channels"]))
    changed = await buys.UpdateGroupBuy(changing)
    assert (changed.size, list(changed.channels), list(changed.price_steps)) == (4, [], steps)
    assert (await refused(buys.UpdateGroupBuy(changing))).reason == "ETAG_MISMATCH"
    cancelled = await buys.CancelGroupBuy(pb.CancelGroupBuyRequest(name=made.name, etag=changed.etag))
    assert cancelled.state == pb.GroupBuy.STATE_CANCELLED
    assert (await refused(buys.OpenGroup(opening(made)))).reason == "GROUP_BUY_NOT_OPEN"
    missing = pb.GetGroupBuyRequest(name=f"groupBuys/{uuid.uuid4()}")
    assert (await refused(buys.GetGroupBuy(missing))).reason == "GROUP_BUY_NOT_FOUND"


async def test_a_group_is_opened_joined_and_succeeds(
    buys: GroupBuysServiceStub, starting: Callable[..., Any], shop: Shop
) -> None:
    made = await starting(size=4, stock=5)
    request = opening(made, request_id=str(uuid.uuid4()))
    leader, again = await buys.OpenGroup(request), await buys.OpenGroup(request)
    assert leader == again
    group = pb.GetGroupRequest(name=leader.activity)
    assert (await refused(buys.GetGroup(group))).reason == "GROUP_NOT_FOUND"
    assert not (await buys.ListGroups(pb.ListGroupsRequest(parent=made.name))).groups
    await shop.pay(leader)
    assert [each.name for each in (await buys.ListGroups(pb.ListGroupsRequest(parent=made.name))).groups] == [
        leader.activity
    ]
    filled = await buys.FillGroup(pb.FillGroupRequest(name=leader.activity, seats=1, note="to begin with"))
    assert (filled.sponsored_seats, filled.free_seats, filled.leader) == (1, 2, request.member)

    outcomes = await asyncio.gather(*(join(buys, leader.activity) for _ in range(20)))
    orders = [each for each in outcomes if isinstance(each, orders_pb2.Order)]
    assert Counter(each for each in outcomes if isinstance(each, str)) == {"GROUP_FULL": 18}
    completing = orders_pb2.CompleteOrderRequest(name=leader.name)
    assert (await refused(shop.orders.CompleteOrder(completing))).reason == "GROUP_NOT_SUCCEEDED"
    await asyncio.gather(*(shop.pay(order) for order in orders))
    found = await buys.GetGroup(group)
    assert (found.state, found.paid_seats, found.sponsored_seats) == (pb.Group.STATE_SUCCEEDED, 3, 1)
    assert (found.held_seats, found.final_price, found.HasField("end_time")) == (0, yuan(1000), True)
    assert (await refused(buys.JoinGroup(joining(leader.activity)))).reason == "GROUP_NOT_RECRUITING"
    assert (await shop.orders.CompleteOrder(completing)).state == orders_pb2.Order.STATE_COMPLETED
    assert await shop.stock(made.product) == (2, 0)


async def join(buys: GroupBuysServiceStub, group: str) -> orders_pb2.Order | str:
    try:
        order: orders_pb2.Order = await buys.JoinGroup(joining(group, request_id=str(uuid.uuid4())))
    except grpc.aio.AioRpcError:
        return (await refused(buys.JoinGroup(joining(group)))).reason
    return order


async def test_who_may_not_is_told_why(buys: GroupBuysServiceStub, starting: Callable[..., Any], shop: Shop) -> None:
    made = await starting(size=5, stock=3, channels=["web"], member_limit=1, kind=pb.GroupBuy.KIND_NEW_CUSTOMER)
    member = a_member()
    leader = await buys.OpenGroup(opening(made, member=member))
    await shop.pay(leader)
    new = a_member()
    await buys.JoinGroup(joining(leader.activity, member=new))
    other = await buys.OpenGroup(opening(made))
    await shop.pay(other)
    told = {
        "GROUP_SEAT_TAKEN": buys.JoinGroup(joining(leader.activity, member=new)),
        "GROUP_BUY_LIMIT_REACHED": buys.JoinGroup(joining(other.activity, member=new)),
        "GROUP_BUY_NOT_ELIGIBLE": buys.JoinGroup(joining(other.activity, member=member)),
        "OUT_OF_STOCK": buys.JoinGroup(joining(leader.activity)),
        "GROUP_FULL": buys.FillGroup(pb.FillGroupRequest(name=leader.activity, seats=4)),
        "GROUP_NOT_FOUND": buys.JoinGroup(joining(f"{made.name}/groups/{uuid.uuid4()}")),
        "REQUEST_INVALID": buys.JoinGroup(joining(made.name)),
    }
    assert {reason: (await refused(call)).reason for reason, call in told.items()} == {each: each for each in told}
    wrong = await refused(buys.OpenGroup(opening(made, channel="app")))
    assert (wrong.reason, wrong.metadata["channel"]) == ("GROUP_BUY_NOT_ELIGIBLE", "app")
    dollars = pb.GroupBuyPriceStep(members=2, price=wire_money(Money(900, "USD")))
    foreign = await refused(starting(kind=pb.GroupBuy.KIND_LADDER, price_steps=[dollars]))
    assert foreign.fields == ["group_buy.price_steps[0].price"]
    assert (await refused(starting(size=1))).reason == "REQUEST_INVALID"


async def test_shoppers_join_but_fill_nothing(server: Server, channel: grpc.aio.Channel, keys: Keys) -> None:
    async with channel_to(f"127.0.0.1:{server.port}", keys.bearer("shopper")) as shopping:
        stub = GroupBuysServiceStub(shopping)
        name = f"groupBuys/{uuid.uuid4()}/groups/{uuid.uuid4()}"
        assert (await refused(stub.JoinGroup(joining(name)))).reason == "GROUP_BUY_NOT_FOUND"
        assert (await refused(stub.FillGroup(pb.FillGroupRequest(name=name)))).reason == "SCOPE_MISSING"
