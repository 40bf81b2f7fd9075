"""Callers who see a part of the organisation: what they reach, method by method."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import stored_value_pb2 as value
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub

from tests.support.rpc import Keys, channel_to, refused

Part = Callable[[str], AbstractAsyncContextManager[grpc.aio.Channel]]


@pytest.fixture
def seeing(address: str, keys: Keys) -> Part:
    """`seeing("/cn/east")`: a channel of an administrator of that part."""

    def make(org: str) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        return channel_to(address, f"Bearer {keys.issuer.issue('clerk', ['admin'], org=org)}")

    return make


@pytest.fixture
async def east(members: MembersServiceStub) -> pb.Member:
    return await enrolled(members, "/cn/east/shanghai", "+8613800138001")


@pytest.fixture
async def west(members: MembersServiceStub) -> pb.Member:
    return await enrolled(members, "/cn/west", "+8613800138002")


async def enrolled(members: MembersServiceStub, org: str, phone: str) -> pb.Member:
    member: pb.Member = await members.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(org=org, phone=phone)))
    return member


async def test_the_members_of_the_own_part_are_reached_and_no_others(
    seeing: Part, east: pb.Member, west: pb.Member, members: MembersServiceStub
) -> None:
    nowhere = await enrolled(members, "", "+8613800138003")
    async with seeing("/cn/east") as channel:
        clerk = MembersServiceStub(channel)

        assert (await clerk.GetMember(pb.GetMemberRequest(name=east.name))).name == east.name
        assert (await clerk.LookupMember(pb.LookupMemberRequest(phone=east.phone))).name == east.name
        assert [each.name for each in (await clerk.ListMembers(pb.ListMembersRequest())).members] == [east.name]
        for stranger in (west, nowhere):
            unseen = await refused(clerk.GetMember(pb.GetMemberRequest(name=stranger.name)))
            unknown = await refused(clerk.GetMember(pb.GetMemberRequest(name=f"members/{uuid.uuid4()}")))
            assert (unseen.code, unseen.reason) == (unknown.code, unknown.reason)
            found = await refused(clerk.LookupMember(pb.LookupMemberRequest(phone=stranger.phone)))
            nobody = await refused(clerk.LookupMember(pb.LookupMemberRequest(phone="+8613900000000")))
            assert found == nobody


async def test_who_sees_all_is_not_asked(members: MembersServiceStub, west: pb.Member) -> None:
    assert (await members.GetMember(pb.GetMemberRequest(name=west.name))).name == west.name


async def test_nothing_is_changed_beyond_the_own_part(
    seeing: Part, channel: grpc.aio.Channel, members: MembersServiceStub, east: pb.Member, west: pb.Member
) -> None:
    price = Money(currency_code="CNY", units=10)
    top_up = await StoredValueServiceStub(channel).CreateTopUp(
        value.CreateTopUpRequest(top_up=value.TopUp(member=west.name, amount=price, store="stores/1", reference="r"))
    )
    async with seeing("/cn/east") as narrow:
        clerk, purse = MembersServiceStub(narrow), StoredValueServiceStub(narrow)
        for call in (
            clerk.AccruePoints(pb.AccruePointsRequest(parent=west.name, points=5, source="x")),
            clerk.UpdateMember(pb.UpdateMemberRequest(member=pb.Member(name=west.name, display_name="x"))),
            purse.GetTopUp(value.GetTopUpRequest(name=top_up.name)),
        ):
            assert (await refused(call)).code is grpc.StatusCode.NOT_FOUND
        for moved in (
            pb.UpdateMemberRequest(member=pb.Member(name=east.name, org="/cn/west")),
            pb.UpdateMemberRequest(member=pb.Member(name=east.name), update_mask=FieldMask(paths=["org"])),
        ):
            assert (await refused(clerk.UpdateMember(moved))).reason == "ORG_SCOPE_MISSING"
        enrolled_there = pb.EnrollMemberRequest(member=pb.Member(org="/cn/eastern", phone="+8613800138009"))
        assert (await refused(clerk.EnrollMember(enrolled_there))).reason == "ORG_SCOPE_MISSING"
        assert (await refused(clerk.ListMembers(pb.ListMembersRequest(org="/cn")))).reason == "ORG_SCOPE_MISSING"

        here = await clerk.EnrollMember(pb.EnrollMemberRequest(member=pb.Member(phone="+8613800138010")))
        assert here.org == "/cn/east"

    assert (await members.GetBalance(pb.GetBalanceRequest(name=f"{west.name}/balance"))).available == 0
