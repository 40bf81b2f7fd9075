"""Callers who see a part of the organisation: what they reach, method by method."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import grpc
import pytest
from google.api import resource_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.money_pb2 import Money
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1 import stored_value_pb2 as value
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub

from kit.db import AsyncDatabase
from kit.errors import Fault, Kind
from kit.rpc import Edge, policy
from kit.rpc.call import Call, Identity
from kit.rpc.reach import within
from services.members.api.reach import ANSWERED, OF_NOBODY, MembersReach
from services.members.storage.unit import MembersUnit
from tests.architecture.test_protos import METHODS
from tests.support.keyring import VAULT
from tests.support.rpc import Keys, channel_to, refused

OWN = [method for method in METHODS if method.full_name.startswith("kehu.members.")]
NARROWED = {"ListMembers", "EnrollMember"}
CLOSED = {
    *("ListAuditEntries", "GetLiabilityReport", "GetSettlementReport", "ListDueRenewals", "BatchEnroll"),
    *("UpdateEngagementPolicy", "CreateReceiptKey", "RetireReceiptKey", "RevokeReceiptKey", "CreateBadge"),
    *("RetireBadge", "IssueGiftCards", "VoidGiftCard", "ReplaceGiftCardCode", "UndoMerge", "CreateReward"),
    *("UpdateReward", "PublishReward", "WithdrawReward", "UpdatePointTransferPolicy", "UpdateProgramme"),
    *("CreateProgramme", "CreateRecalculation", "GetRecalculation", "UpdateStoredValueRules"),
    *("CreateRightsCardProduct", "UpdateRightsCardProduct"),
}
"""Methods about all of the organisation."""

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


@pytest.fixture
async def reach(url: str, channel: grpc.aio.Channel) -> AsyncIterator[MembersReach]:
    database = AsyncDatabase(url, lambda connection, now: MembersUnit(connection, now, publish=_nothing, vault=VAULT))
    yield MembersReach(Edge(database))
    await database.close()


def _nothing(fact: object) -> Any:
    raise AssertionError(fact)


def call_of(method: MethodDescriptor) -> Call:
    service = method.containing_service.full_name
    return Call(policy.methods_of(service)[f"/{service}/{method.name}"], Identity("clerk", ("admin",), "/cn/east"), 0.0)


def naming(method: MethodDescriptor, member: str) -> Any:
    """A request of the method in which every name of a member, or of something of a member, is of this one."""
    request = message_factory.GetMessageClass(method.input_type)()
    for field in method.input_type.fields:
        if field.message_type is not None and not field.message_type.full_name.startswith("google."):
            inner = getattr(request, field.name).add() if field.is_repeated else getattr(request, field.name)
            for each in field.message_type.fields:
                _name(inner, each, member)
        _name(request, field, member)
    return request


def _name(message: Any, field: FieldDescriptor, member: str) -> None:
    reference = field.GetOptions().Extensions[resource_pb2.resource_reference]
    kind = (reference.type or reference.child_type).rpartition("/")[2]
    holder = field.containing_type
    own = field.name == "name" and holder is not None and holder.GetOptions().Extensions[resource_pb2.resource].pattern
    pattern = own[0] if own else _PATTERNS.get(kind, "")
    if reference.child_type:
        pattern = pattern.rpartition("/")[0].rpartition("/")[0] if pattern.count("/") > 1 else ""
    if field.type != field.TYPE_STRING or not pattern.startswith(_OWNED):
        return
    name = re.sub(r"\{\w+\}", str(uuid.uuid4()), pattern.replace("members/{member}", member))
    if field.is_repeated:
        getattr(message, field.name).append(name)
    else:
        setattr(message, field.name, name)


_OWNED = ("members/", "rightsCards/", "topUps/", "storedValuePayments/")
_PATTERNS = {
    options.type.rpartition("/")[2]: options.pattern[0]
    for method in OWN
    for message in method.input_type.file.message_types_by_name.values()
    if (options := message.GetOptions().Extensions[resource_pb2.resource]).pattern
}


async def test_every_method_is_confined_in_one_way(reach: MembersReach, west: pb.Member) -> None:
    found: dict[str, Kind | None] = {}
    for method in OWN:
        try:
            await reach.narrow(call_of(method), naming(method, west.name))
        except Fault as fault:
            found[method.name] = fault.kind
        else:
            found[method.name] = None

    allowed = OF_NOBODY | ANSWERED | NARROWED
    assert {name for name, kind in found.items() if kind is None} == allowed
    assert {name for name, kind in found.items() if kind is Kind.PERMISSION_DENIED} == CLOSED
    assert {kind for name, kind in found.items() if name not in allowed | CLOSED} == {Kind.NOT_FOUND}


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


@pytest.mark.parametrize(("path", "inside"), [("/cn", True), ("/cn/east", True), ("/cnx", False), ("/c", False)])
def test_a_part_is_a_path_and_no_beginning_of_a_word(path: str, inside: bool) -> None:
    assert within(path, "/cn") is inside
