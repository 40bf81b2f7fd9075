"""CreateHold, ConfirmHold, ReleaseHold."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from tests.support.rpc import refused


@pytest.fixture
async def member(members: MembersServiceStub) -> str:
    """A member with 1,000 points."""
    enrolled = await members.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(display_name="Fang")))
    await members.AccruePoints(pb.AccruePointsRequest(parent=enrolled.name, points=1000))
    return str(enrolled.name)


def hold(member: str, points: int, *, request_id: str = "", ttl: Duration | None = None) -> pb.CreateHoldRequest:
    return pb.CreateHoldRequest(
        parent=member, hold=pb.Hold(points=points), source="orders/1", ttl=ttl, request_id=request_id
    )


async def balances(members: MembersServiceStub, member: str) -> tuple[int, int]:
    found = await members.GetBalance(pb.GetBalanceRequest(name=f"{member}/balance"))
    return found.available, found.held


async def test_a_hold_is_placed_confirmed_in_part_and_its_rest_released(
    members: MembersServiceStub, member: str
) -> None:
    placed = await members.CreateHold(hold(member, 250))
    assert placed.name.startswith(f"{member}/holds/")
    assert (placed.state, placed.source, placed.value) == (
        pb.Hold.STATE_ACTIVE,
        "orders/1",
        Money(currency_code="USD", units=2, nanos=500_000_000),
    )
    lasts = placed.expire_time.ToDatetime() - placed.create_time.ToDatetime()
    assert lasts == timedelta(minutes=30)
    assert await balances(members, member) == (750, 250)
    confirmed = await members.ConfirmHold(pb.ConfirmHoldRequest(name=placed.name, points=200))
    assert (confirmed.state, confirmed.confirmed_points) == (pb.Hold.STATE_CONFIRMED, 200)
    assert confirmed.HasField("end_time")
    assert await balances(members, member) == (800, 0)
    assert await members.GetHold(pb.GetHoldRequest(name=placed.name)) == confirmed
    stranger = await members.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(display_name="Li")))
    other = pb.GetHoldRequest(name=placed.name.replace(member, stranger.name))
    assert (await refused(members.GetHold(other))).reason == "HOLD_NOT_FOUND"


async def test_ending_a_hold_twice_answers_the_same(members: MembersServiceStub, member: str) -> None:
    one, other = [await members.CreateHold(hold(member, 10)) for _ in range(2)]
    confirm, release = pb.ConfirmHoldRequest(name=one.name), pb.ReleaseHoldRequest(name=other.name)
    assert await members.ConfirmHold(confirm) == await members.ConfirmHold(confirm)
    assert await members.ReleaseHold(release) == await members.ReleaseHold(release)
    assert await balances(members, member) == (990, 0)


async def test_a_hold_ends_in_one_way_only(members: MembersServiceStub, member: str) -> None:
    one, other = [await members.CreateHold(hold(member, 10)) for _ in range(2)]
    await members.ConfirmHold(pb.ConfirmHoldRequest(name=one.name))
    await members.ReleaseHold(pb.ReleaseHoldRequest(name=other.name))
    for call in (
        members.ReleaseHold(pb.ReleaseHoldRequest(name=one.name)),
        members.ConfirmHold(pb.ConfirmHoldRequest(name=one.name, points=3)),
        members.ConfirmHold(pb.ConfirmHoldRequest(name=other.name)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "HOLD_ENDED")


async def test_more_than_was_held_cannot_be_confirmed(members: MembersServiceStub, member: str) -> None:
    placed = await members.CreateHold(hold(member, 10))
    refusal = await refused(members.ConfirmHold(pb.ConfirmHoldRequest(name=placed.name, points=11)))
    assert (refusal.reason, refusal.metadata) == ("HOLD_EXCEEDED", {"asked": "11", "held": "10"})


async def test_two_hundred_holds_of_ten_against_a_thousand_points_give_exactly_a_hundred(
    members: MembersServiceStub, member: str
) -> None:
    calls = (members.CreateHold(hold(member, 10)) for _ in range(200))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(outcome, grpc.aio.AioRpcError) for outcome in outcomes) == 100
    assert await balances(members, member) == (0, 1000)


async def test_the_same_request_holds_once(members: MembersServiceStub, member: str) -> None:
    request = hold(member, 10, request_id=str(uuid.uuid4()))
    first = await members.CreateHold(request)
    assert await members.CreateHold(request) == first
    assert await balances(members, member) == (990, 10)


async def test_what_does_not_exist_cannot_be_held_or_ended(members: MembersServiceStub, member: str) -> None:
    nobody = f"members/{uuid.uuid4()}"
    assert (await refused(members.CreateHold(hold(nobody, 1)))).reason == "MEMBER_NOT_FOUND"
    name = f"{member}/holds/{uuid.uuid4()}"
    for call in (
        members.ConfirmHold(pb.ConfirmHoldRequest(name=name)),
        members.ReleaseHold(pb.ReleaseHoldRequest(name=name)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "HOLD_NOT_FOUND")


@pytest.mark.parametrize(
    ("points", "ttl", "field"),
    [
        (0, None, "hold.points"),
        (-5, None, "hold.points"),
        (10**9 + 1, None, "hold.points"),
        (1, Duration(seconds=0), "ttl"),
        (1, Duration(seconds=2_592_001), "ttl"),
        (1, Duration(seconds=-(2**62)), "ttl"),
    ],
)
async def test_a_hold_out_of_bounds_is_refused(
    members: MembersServiceStub, member: str, points: int, ttl: Duration | None, field: str
) -> None:
    refusal = await refused(members.CreateHold(hold(member, points, ttl=ttl)))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
