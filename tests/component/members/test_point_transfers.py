"""TransferPoints, ListPointTransfers and the policy, as a client sees them."""

from __future__ import annotations

import uuid

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.members.v1 import members_pb2
from kehu.members.v1 import point_transfers_pb2 as pb
from kehu.members.v1.mall_pb2_grpc import MallServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from tests.support.rpc import refused

POLICY = "pointTransferPolicies/default"


@pytest.fixture
def mall(channel: grpc.aio.Channel) -> MallServiceStub:
    """The service, as a client sees it."""
    return MallServiceStub(channel)


@pytest.fixture
async def pair(members: MembersServiceStub) -> tuple[str, str]:
    """Two members; the first has 100 points."""
    giver, friend = [
        await members.EnrollMember(members_pb2.EnrollMemberRequest(member=members_pb2.Member(display_name=name)))
        for name in ("Fang", "Wei")
    ]
    await members.AccruePoints(members_pb2.AccruePointsRequest(parent=giver.name, points=100))
    return giver.name, friend.name


async def allow(mall: MallServiceStub, *, daily_limit: int, minimum: int = 0) -> pb.PointTransferPolicy:
    policy = pb.PointTransferPolicy(name=POLICY, daily_limit=daily_limit, minimum=minimum)
    changed: pb.PointTransferPolicy = await mall.UpdatePointTransferPolicy(
        pb.UpdatePointTransferPolicyRequest(policy=policy)
    )
    return changed


async def test_nobody_gives_points_until_the_policy_lets_them(mall: MallServiceStub, pair: tuple[str, str]) -> None:
    giver, friend = pair
    request = pb.TransferPointsRequest(parent=giver, recipient=friend, points=10)
    assert (await mall.GetPointTransferPolicy(pb.GetPointTransferPolicyRequest(name=POLICY))).daily_limit == 0
    refusal = await refused(mall.TransferPoints(request))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "POINT_TRANSFER_REFUSED")
    changed = await allow(mall, daily_limit=50)
    assert (changed.daily_limit, changed.minimum) == (50, 1)
    assert (await mall.TransferPoints(request)).points == 10


async def test_a_repeat_gives_nothing_more(
    mall: MallServiceStub, members: MembersServiceStub, pair: tuple[str, str]
) -> None:
    giver, friend = pair
    await allow(mall, daily_limit=50)
    request = pb.TransferPointsRequest(parent=giver, recipient=friend, points=30, request_id=str(uuid.uuid4()))
    made = await mall.TransferPoints(request)
    assert await mall.TransferPoints(request) == made
    assert made.name.startswith(f"{giver}/pointTransfers/")
    assert made.recipient == friend
    for name, available in ((giver, 70), (friend, 30)):
        balance = await members.GetBalance(members_pb2.GetBalanceRequest(name=f"{name}/balance"))
        assert balance.available == available
        entries = (await members.ListEntries(members_pb2.ListEntriesRequest(parent=name))).entries
        assert (entries[0].kind, entries[0].source) == (members_pb2.Entry.KIND_TRANSFER, made.name)
    listed = await mall.ListPointTransfers(pb.ListPointTransfersRequest(parent=giver))
    assert list(listed.point_transfers) == [made]


async def test_transfers_are_listed_in_pages(mall: MallServiceStub, pair: tuple[str, str]) -> None:
    giver, friend = pair
    await allow(mall, daily_limit=50)
    made = [
        await mall.TransferPoints(pb.TransferPointsRequest(parent=giver, recipient=friend, points=count))
        for count in (1, 2, 3)
    ]
    query = pb.ListPointTransfersRequest(parent=giver, page_size=2)
    first = await mall.ListPointTransfers(query)
    query.page_token = first.next_page_token
    second = await mall.ListPointTransfers(query)
    assert [*first.point_transfers, *second.point_transfers] == made[::-1]
    assert second.next_page_token == ""
    nobody = pb.ListPointTransfersRequest(parent=f"members/{uuid.uuid4()}")
    assert (await refused(mall.ListPointTransfers(nobody))).reason == "MEMBER_NOT_FOUND"


async def test_the_policy_is_changed_by_its_mask_and_etag(mall: MallServiceStub) -> None:
    first = await allow(mall, daily_limit=50, minimum=5)
    change = pb.PointTransferPolicy(name=POLICY, daily_limit=9, minimum=9, etag=first.etag)
    request = pb.UpdatePointTransferPolicyRequest(policy=change, update_mask=FieldMask(paths=["minimum"]))
    second = await mall.UpdatePointTransferPolicy(request)
    assert (second.daily_limit, second.minimum) == (50, 9)
    refusal = await refused(mall.UpdatePointTransferPolicy(request))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    other = pb.GetPointTransferPolicyRequest(name="pointTransferPolicies/other")
    assert (await refused(mall.GetPointTransferPolicy(other))).reason == "PROGRAMME_NOT_FOUND"
    for name in ("policies/default", "pointTransferPolicies/", "pointTransferPolicies/a/b"):
        refusal = await refused(mall.GetPointTransferPolicy(pb.GetPointTransferPolicyRequest(name=name)))
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["name"])
