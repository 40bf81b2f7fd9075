"""Requests that name a programme, and what they answer."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import ledger_pb2, mall_pb2, programmes_pb2
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import point_transfers_pb2 as transfers
from kehu.members.v1.ledger_pb2_grpc import LedgerServiceStub
from kehu.members.v1.mall_pb2_grpc import MallServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.programmes_pb2_grpc import ProgrammesServiceStub

from tests.support.builders.mall import reward_request
from tests.support.rpc import refused

STARS, DEFAULT, MOONS = "programmes/stars", "programmes/default", "programmes/moons"


def rate(units: int) -> pb.Rate:
    return pb.Rate(points=10, amount=Money(currency_code="USD", units=units))


@pytest.fixture
async def member(channel: grpc.aio.Channel, members: MembersServiceStub) -> str:
    """A member with 100 points of each of two programmes."""
    stars = pb.Programme(earn=rate(1), redeem=rate(1))
    request = programmes_pb2.CreateProgrammeRequest(programme_id="stars", programme=stars)
    await ProgrammesServiceStub(channel).CreateProgramme(request)
    enrolled = await members.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(display_name="Fang")))
    for programme in ("", STARS):
        await members.AccruePoints(pb.AccruePointsRequest(parent=enrolled.name, points=100, programme=programme))
    return str(enrolled.name)


async def available(members: MembersServiceStub, member: str, programme: str = STARS) -> int:
    request = pb.GetBalanceRequest(name=f"{member}/balance", programme=programme)
    return int((await members.GetBalance(request)).available)


async def test_holds_balances_lots_and_entries_of_a_programme(members: MembersServiceStub, member: str) -> None:
    placed = await members.CreateHold(pb.CreateHoldRequest(parent=member, hold=pb.Hold(points=30), programme=STARS))
    assert (placed.programme, placed.value.units) == (STARS, 3)
    plain = await members.CreateHold(pb.CreateHoldRequest(parent=member, hold=pb.Hold(points=20)))
    assert (plain.programme, await available(members, member, "")) == (DEFAULT, 80)
    balance = await members.GetBalance(pb.GetBalanceRequest(name=f"{member}/balance", programme=STARS))
    assert (balance.name, balance.available, balance.held) == (f"{member}/balances/stars", 70, 30)
    confirmed = await members.ConfirmHold(pb.ConfirmHoldRequest(name=placed.name))
    assert (confirmed.programme, confirmed.confirmed_points) == (STARS, 30)
    now = Timestamp()
    now.FromDatetime(datetime.now(UTC))
    then = pb.GetBalanceRequest(name=f"{member}/balance", programme=STARS, as_of_time=now)
    assert (await members.GetBalance(then)).available == 70
    (lot,) = (await members.ListLots(pb.ListLotsRequest(parent=member, programme=STARS))).lots
    assert (lot.available, lot.programme) == (70, STARS)
    entries = (await members.ListEntries(pb.ListEntriesRequest(parent=member, programme=STARS))).entries
    assert [pb.Entry.Kind.Name(each.kind) for each in entries] == ["KIND_CONFIRM", "KIND_HOLD", "KIND_ACCRUAL"]


async def test_rewards_and_transfers_of_a_programme(
    channel: grpc.aio.Channel, members: MembersServiceStub, member: str
) -> None:
    mall = MallServiceStub(channel)
    cup = await mall.CreateReward(reward_request(programme=STARS))
    await mall.PublishReward(mall_pb2.PublishRewardRequest(name=cup.name))
    wanted = mall_pb2.Redemption(reward=cup.name)
    got = await mall.CreateRedemption(mall_pb2.CreateRedemptionRequest(parent=member, redemption=wanted))
    assert (cup.programme, got.programme, await available(members, member)) == (STARS, STARS, 0)
    await members.AccruePoints(pb.AccruePointsRequest(parent=member, points=100, programme=STARS))
    policy = transfers.PointTransferPolicy(name="pointTransferPolicies/stars", daily_limit=50)
    changed = await mall.UpdatePointTransferPolicy(transfers.UpdatePointTransferPolicyRequest(policy=policy))
    assert changed.name == policy.name
    friend = await members.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(display_name="Wei")))
    give = transfers.TransferPointsRequest(parent=member, recipient=friend.name, points=20, programme=STARS)
    given = await mall.TransferPoints(give)
    assert (given.programme, await available(members, friend.name), await available(members, member)) == (STARS, 20, 80)


async def test_adjustments_of_a_programme(channel: grpc.aio.Channel, members: MembersServiceStub, member: str) -> None:
    rows = [
        ledger_pb2.AdjustRow(row_id=name, member=member, points=5, reason="claim", programme=programme)
        for name, programme in (("a", STARS), ("b", MOONS), ("c", "stars"))
    ]
    request = ledger_pb2.BatchAdjustPointsRequest(rows=rows, request_id=str(uuid.uuid4()))
    results = (await LedgerServiceStub(channel).BatchAdjustPoints(request)).results
    assert [each.reason for each in results] == ["", "PROGRAMME_NOT_FOUND", "REQUEST_INVALID"]
    assert (await available(members, member), await available(members, member, "")) == (105, 100)


async def test_a_programme_that_is_not_is_refused(
    channel: grpc.aio.Channel, members: MembersServiceStub, member: str
) -> None:
    mall = MallServiceStub(channel)
    for call in (
        members.CreateHold(pb.CreateHoldRequest(parent=member, hold=pb.Hold(points=1), programme=MOONS)),
        members.GetBalance(pb.GetBalanceRequest(name=f"{member}/balance", programme=MOONS)),
        members.ListLots(pb.ListLotsRequest(parent=member, programme=MOONS)),
        members.ListEntries(pb.ListEntriesRequest(parent=member, programme=MOONS)),
        mall.CreateReward(reward_request(programme=MOONS)),
        mall.GetPointTransferPolicy(transfers.GetPointTransferPolicyRequest(name="pointTransferPolicies/moons")),
        mall.TransferPoints(
            transfers.TransferPointsRequest(parent=member, recipient=member, points=1, programme=MOONS)
        ),
    ):
        assert (await refused(call)).reason == "PROGRAMME_NOT_FOUND"
    for request in (
        pb.ListLotsRequest(parent=member, programme="moons"),
        pb.ListLotsRequest(parent=member, programme="programmes/"),
    ):
        assert (await refused(members.ListLots(request))).fields == ["programme"]
