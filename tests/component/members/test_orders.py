"""What the worker does with orders' events shows in the API: points, tiers, holds."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.orders.v1.events_pb2 import OrderCancelled, OrderPaid, OrderRefunded

from kit.db import Database
from kit.worker import Received
from services.members import consumer
from services.members.storage.unit import MembersUnit

NOW = datetime.now(UTC)


def received(message: Any, version: int) -> Received:
    return Received(uuid.uuid4(), type(message).__name__, message.order, version, NOW, message)


def wire(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def dollars(amount: int) -> Money:
    return Money(currency_code="USD", units=amount)


def paid(member: str, amount: int, *, order: str = "", hold: str = "", days_ago: int = 0) -> Received:
    message = OrderPaid(
        order=order or f"orders/{uuid.uuid4()}",
        member=member,
        net_total=dollars(amount),
        pay_time=wire(NOW - timedelta(days=days_ago)),
        hold=hold,
    )
    return received(message, 1)


def refunded(event: Received, left: int) -> Received:
    order = event.message
    message = OrderRefunded(
        order=order.order, member=order.member, net_total=dollars(left), pay_time=order.pay_time, amount=dollars(1)
    )
    return received(message, 2)


async def enroll(members: MembersServiceStub) -> str:
    member = await members.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(display_name="Fang")))
    return str(member.name)


async def points(members: MembersServiceStub, member: str) -> tuple[int, int]:
    found = await members.GetBalance(pb.GetBalanceRequest(name=f"{member}/balance"))
    return found.available, found.held


async def test_a_purchase_earns_points_and_a_tier_and_a_refund_takes_them_back(
    members: MembersServiceStub, database: Database[MembersUnit]
) -> None:
    member = await enroll(members)
    purchase = paid(member, 260, days_ago=10)
    database.write(consumer.settle, [purchase])
    shown = await members.GetMember(pb.GetMemberRequest(name=member))
    assert (shown.tier, await points(members, member)) == ("gold", (260, 0))
    assert shown.tier_expire_time == wire(NOW + timedelta(days=355))
    database.write(consumer.settle, [refunded(purchase, 120)])
    shown = await members.GetMember(pb.GetMemberRequest(name=member))
    assert (shown.tier, await points(members, member)) == ("silver", (120, 0))
    assert (await members.ListMembers(pb.ListMembersRequest())).members[0].tier == "silver"


async def test_the_tier_of_a_past_moment_and_the_way_there_can_be_seen(
    members: MembersServiceStub, database: Database[MembersUnit]
) -> None:
    member = await enroll(members)
    database.write(consumer.settle, [paid(member, 150, days_ago=500), paid(member, 600, days_ago=10)])
    then = pb.GetMemberRequest(name=member, tier_time=wire(NOW - timedelta(days=400)))
    assert (await members.GetMember(then)).tier == "silver"
    request = pb.ListTierChangesRequest(parent=member, page_size=2)
    first = await members.ListTierChanges(request)
    request.page_token = first.next_page_token
    second = await members.ListTierChanges(request)
    moves = [(change.from_tier, change.to_tier) for change in [*first.tier_changes, *second.tier_changes]]
    assert moves == [("base", "platinum"), ("silver", "base"), ("base", "silver")]
    assert second.next_page_token == ""


async def test_a_paid_order_spends_its_hold_and_a_cancelled_one_gives_it_back(
    members: MembersServiceStub, database: Database[MembersUnit]
) -> None:
    member = await enroll(members)
    await members.AccruePoints(pb.AccruePointsRequest(parent=member, points=100))
    one, other = [
        await members.CreateHold(pb.CreateHoldRequest(parent=member, hold=pb.Hold(points=40))) for _ in range(2)
    ]
    database.write(consumer.settle, [paid(member, 0, hold=one.name)])
    cancelled = OrderCancelled(order=f"orders/{uuid.uuid4()}", member=member, hold=other.name)
    database.write(consumer.release, [received(cancelled, 1)])
    assert await points(members, member) == (60, 0)


async def test_guests_and_orders_without_a_hold_change_nothing(
    members: MembersServiceStub, database: Database[MembersUnit]
) -> None:
    database.write(consumer.settle, [paid("", 100)])
    database.write(consumer.release, [received(OrderCancelled(order=f"orders/{uuid.uuid4()}"), 1)])


def test_the_timers_have_nothing_to_do_in_an_empty_house(database: Database[MembersUnit]) -> None:
    for timer in consumer.subscriptions.timers:
        database.write(timer.chore)
