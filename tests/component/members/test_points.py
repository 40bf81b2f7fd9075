"""AccruePoints, SpendPoints, GetBalance, ListEntries."""

from __future__ import annotations

import asyncio
import uuid

import grpc
import pytest
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from tests.support.rpc import Keys, channel_to, refused

NOBODY = f"members/{uuid.uuid4()}"


@pytest.fixture
async def member(members: MembersServiceStub) -> str:
    enrolled = await members.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(display_name="Fang")))
    return str(enrolled.name)


def accrue(member: str, points: int, request_id: str = "") -> pb.AccruePointsRequest:
    return pb.AccruePointsRequest(parent=member, points=points, source="surveys/1", request_id=request_id)


def spend(member: str, points: int, request_id: str = "") -> pb.SpendPointsRequest:
    return pb.SpendPointsRequest(parent=member, points=points, source="rewards/1", request_id=request_id)


async def balance(members: MembersServiceStub, member: str) -> pb.Balance:
    found: pb.Balance = await members.GetBalance(pb.GetBalanceRequest(name=f"{member}/balance"))
    return found


async def test_points_come_and_go_and_leave_entries(members: MembersServiceStub, member: str) -> None:
    accrued = await members.AccruePoints(accrue(member, 100))
    spent = await members.SpendPoints(spend(member, 30))
    assert (accrued.balance.available, spent.balance.available) == (100, 70)
    assert await balance(members, member) == pb.Balance(name=f"{member}/balance", available=70)
    entries = (await members.ListEntries(pb.ListEntriesRequest(parent=member))).entries
    assert [(entry.kind, entry.debit_account, entry.credit_account, entry.points) for entry in entries] == [
        (pb.Entry.KIND_SPEND, pb.Entry.ACCOUNT_AVAILABLE, pb.Entry.ACCOUNT_CLEARING, 30),
        (pb.Entry.KIND_ACCRUAL, pb.Entry.ACCOUNT_EXPENSE, pb.Entry.ACCOUNT_AVAILABLE, 100),
    ]
    assert entries[0].name.startswith(f"{member}/entries/")
    assert entries[1].source == "surveys/1"


async def test_pages_of_entries_show_each_once(members: MembersServiceStub, member: str) -> None:
    for points in range(1, 6):
        await members.AccruePoints(accrue(member, points))
    request, seen = pb.ListEntriesRequest(parent=member, page_size=2), list[int]()
    while True:
        response = await members.ListEntries(request)
        seen += [entry.points for entry in response.entries]
        request.page_token = response.next_page_token
        if not request.page_token:
            break
    assert seen == [5, 4, 3, 2, 1]


async def test_more_than_available_cannot_be_spent(members: MembersServiceStub, member: str) -> None:
    await members.AccruePoints(accrue(member, 10))
    refusal = await refused(members.SpendPoints(spend(member, 11)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "POINTS_INSUFFICIENT")
    assert refusal.metadata == {"asked": "11", "available": "10"}


async def test_the_same_request_takes_effect_once_even_when_sent_three_times_at_once(
    members: MembersServiceStub, member: str
) -> None:
    request = accrue(member, 10, str(uuid.uuid4()))
    answers = await asyncio.gather(*(members.AccruePoints(request) for _ in range(3)))
    assert [answer.balance.available for answer in answers] == [10, 10, 10]
    assert (await balance(members, member)).available == 10
    again = await refused(members.AccruePoints(accrue(member, 11, request.request_id)))
    assert again.reason == "REQUEST_ID_REUSED"


async def test_a_refused_request_can_be_tried_again_with_its_id(members: MembersServiceStub, member: str) -> None:
    request = spend(member, 10, str(uuid.uuid4()))
    assert (await refused(members.SpendPoints(request))).reason == "POINTS_INSUFFICIENT"
    await members.AccruePoints(accrue(member, 10))
    assert (await members.SpendPoints(request)).balance.available == 0


async def test_many_calls_at_once_all_land(members: MembersServiceStub, member: str) -> None:
    calls = [members.AccruePoints(accrue(member, 1)) for _ in range(100)]
    calls += [members.AccruePoints(accrue(NOBODY, 1)) for _ in range(5)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(outcome, grpc.aio.AioRpcError) for outcome in outcomes) == 5
    assert (await balance(members, member)).available == 100


async def test_nobody_has_no_points(members: MembersServiceStub) -> None:
    for call in (
        members.AccruePoints(accrue(NOBODY, 1)),
        members.SpendPoints(spend(NOBODY, 1)),
        members.GetBalance(pb.GetBalanceRequest(name=f"{NOBODY}/balance")),
        members.ListEntries(pb.ListEntriesRequest(parent=NOBODY)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "MEMBER_NOT_FOUND")


@pytest.mark.parametrize("points", [0, -1, 10**9 + 1, 2**63 - 1])
async def test_a_number_of_points_out_of_bounds_is_refused(
    members: MembersServiceStub, member: str, points: int
) -> None:
    for call in (members.AccruePoints(accrue(member, points)), members.SpendPoints(spend(member, points))):
        refusal = await refused(call)
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["points"])


@pytest.mark.parametrize("name", ["", "members", "members/1", "orders/018f0000-0000-7000-8000-000000000001", "x" * 999])
async def test_a_name_of_nothing_is_refused(members: MembersServiceStub, name: str) -> None:
    refusal = await refused(members.AccruePoints(accrue(name, 1)))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["parent"])
    refusal = await refused(members.GetBalance(pb.GetBalanceRequest(name=name)))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["name"])


async def test_a_viewer_reads_points_and_gives_none(
    members: MembersServiceStub, member: str, address: str, keys: Keys
) -> None:
    async with channel_to(address, keys.bearer("viewer")) as channel:
        viewer = MembersServiceStub(channel)
        assert (await balance(viewer, member)).available == 0
        refusal = await refused(viewer.AccruePoints(accrue(member, 1)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING")
    assert refusal.metadata["scope"] == "points.write"
