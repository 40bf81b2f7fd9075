"""Masking, cards, tags, erasure and export, over gRPC."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from kehu.members.v1 import audit_pb2, audit_pb2_grpc, identity_pb2_grpc
from kehu.members.v1 import identity_pb2 as pb
from kehu.members.v1 import members_pb2 as members_pb
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from kit.db import Database
from services.members.storage.unit import MembersUnit
from tests.support.rpc import Keys, channel_to, refused

Identity = identity_pb2_grpc.IdentityServiceStub
NOBODY = f"members/{uuid.uuid4()}"
FANG = members_pb.Member(
    display_name="王芳",
    phone="+8613800138000",
    email="wang@example.com",
    card_number="6210000000004711",
    identities=[members_pb.Identity(channel="wechat", external_id="oX5f-unionid-9")],
    birthday=Date(year=1990, month=2, day=28),
    home_store="stores/1",
    org="/cn/east/",
)


@pytest.fixture
def identity(channel: grpc.aio.Channel) -> Identity:
    """The service of identities, as an administrator."""
    return Identity(channel)


@pytest.fixture
async def viewer(address: str, keys: Keys) -> AsyncIterator[MembersServiceStub]:
    """Members as those see them who may not see what is personal."""
    async with channel_to(address, keys.bearer("viewer")) as channel:
        yield MembersServiceStub(channel)


async def enrolled(members: MembersServiceStub, **fields: Any) -> members_pb.Member:
    request = members_pb.EnrollMemberRequest(member=members_pb.Member(**fields))
    answer: members_pb.Member = await members.EnrollMember(request)
    return answer


async def trail(channel: grpc.aio.Channel, subject: str) -> list[str]:
    stub = audit_pb2_grpc.AuditServiceStub(channel)
    found = await stub.ListAuditEntries(audit_pb2.ListAuditEntriesRequest(subject=subject))
    return [entry.method.rpartition("/")[2] for entry in found.audit_entries]


async def test_who_may_not_see_what_is_personal_sees_it_masked(
    members: MembersServiceStub, viewer: MembersServiceStub
) -> None:
    full = await members.EnrollMember(members_pb.EnrollMemberRequest(member=FANG))
    assert (full.birthday, full.org, full.state) == (FANG.birthday, "/cn/east", members_pb.Member.STATE_ACTIVE)
    for masked in (
        await viewer.GetMember(members_pb.GetMemberRequest(name=full.name)),
        await viewer.LookupMember(members_pb.LookupMemberRequest(phone=FANG.phone)),
        (await viewer.ListMembers(members_pb.ListMembersRequest())).members[0],
    ):
        assert (masked.display_name, masked.phone, masked.email) == ("王*", "+86138****8000", "w***@example.com")
        assert (masked.card_number, masked.loyalty_cards[0].number) == ("****4711", "****4711")
        assert (masked.identities[0].channel, masked.identities[0].external_id) == ("wechat", "****id-9")
        assert masked.birthday == Date(year=1990)
        assert (masked.name, masked.home_store, masked.org) == (full.name, "stores/1", "/cn/east")


async def test_a_masked_value_can_not_be_written_over_the_real_one(
    address: str, keys: Keys, members: MembersServiceStub
) -> None:
    full = await members.EnrollMember(members_pb.EnrollMemberRequest(member=FANG))
    async with channel_to(address, keys.bearer("importer")) as channel:
        importer = MembersServiceStub(channel)
        masked = await importer.GetMember(members_pb.GetMemberRequest(name=full.name))
        for field in ("display_name", "email", "card_number", "identities"):
            change = members_pb.UpdateMemberRequest(member=masked, update_mask=FieldMask(paths=[field]))
            refusal = await refused(importer.UpdateMember(change))
            assert (refusal.reason, refusal.fields) == ("FIELD_MASKED", [f"member.{field}"])
        change = members_pb.UpdateMemberRequest(
            member=members_pb.Member(name=full.name, home_store="stores/2"), request_id=str(uuid.uuid4())
        )
        first = await importer.UpdateMember(change)
        assert (first.phone, first.home_store) == ("+86138****8000", "stores/2")
        assert await importer.UpdateMember(change) == first
    assert (await members.GetMember(members_pb.GetMemberRequest(name=full.name))).phone == FANG.phone


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"birthday": Date(year=1990, month=2, day=30)}, "BIRTHDAY_INVALID"),
        ({"birthday": Date(year=1990)}, "BIRTHDAY_INVALID"),
        ({"birthday": Date(year=-1, month=2, day=3)}, "BIRTHDAY_INVALID"),
        ({"org": "cn/east"}, "ORG_INVALID"),
        ({"org": "/a b"}, "ORG_INVALID"),
    ],
)
async def test_a_bad_birthday_or_path_is_refused(
    members: MembersServiceStub, fields: dict[str, Any], reason: str
) -> None:
    assert (await refused(enrolled(members, **fields))).reason == reason


async def test_a_birthday_needs_no_year(members: MembersServiceStub) -> None:
    day = Date(month=2, day=29)
    assert (await enrolled(members, birthday=day)).birthday == day


async def test_a_member_has_several_cards_and_loses_one(
    channel: grpc.aio.Channel, members: MembersServiceStub, identity: Identity
) -> None:
    member = await enrolled(members, card_number="A-1")
    second = await identity.IssueLoyaltyCard(pb.IssueLoyaltyCardRequest(parent=member.name, number="A-2"))
    assert second.name == f"{member.name}/loyaltyCards/2"
    for number in ("A-1", "A-2"):
        found = await members.LookupMember(members_pb.LookupMemberRequest(card_number=number))
        assert found.card_number == "A-1"
    block = pb.BlockLoyaltyCardRequest(
        name=f"{member.name}/loyaltyCards/1", reason="lost", request_id=str(uuid.uuid4())
    )
    blocked = await identity.BlockLoyaltyCard(block)
    assert await identity.BlockLoyaltyCard(block) == blocked
    assert blocked.state == members_pb.LoyaltyCard.STATE_BLOCKED
    refusal = await refused(members.LookupMember(members_pb.LookupMemberRequest(card_number="A-1")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "LOYALTY_CARD_ENDED")
    found = await members.LookupMember(members_pb.LookupMemberRequest(card_number="A-2"))
    assert (found.card_number, [card.number for card in found.loyalty_cards]) == ("A-2", ["A-1", "A-2"])
    # The number of a lost card goes to nobody else.
    assert (await refused(enrolled(members, card_number="A-1"))).reason == "IDENTIFIER_TAKEN"
    assert await trail(channel, blocked.name) == ["BlockLoyaltyCard"]


async def test_a_card_is_replaced_once(members: MembersServiceStub, identity: Identity) -> None:
    member = await enrolled(members, card_number="A-1")
    old = f"{member.name}/loyaltyCards/1"
    request = pb.ReplaceLoyaltyCardRequest(name=old, number="A-2", reason="worn", request_id=str(uuid.uuid4()))
    new = await identity.ReplaceLoyaltyCard(request)
    assert await identity.ReplaceLoyaltyCard(request) == new
    assert new.number == "A-2"
    request.request_id = str(uuid.uuid4())
    request.number = "A-3"
    assert (await refused(identity.ReplaceLoyaltyCard(request))).reason == "LOYALTY_CARD_ENDED"
    shown = await members.GetMember(members_pb.GetMemberRequest(name=member.name))
    assert [card.state for card in shown.loyalty_cards] == [
        members_pb.LoyaltyCard.STATE_REPLACED,
        members_pb.LoyaltyCard.STATE_ACTIVE,
    ]
    assert shown.card_number == "A-2"


async def test_a_card_that_is_not_there_or_belongs_to_another_is_refused(
    members: MembersServiceStub, identity: Identity
) -> None:
    one, two = await enrolled(members, card_number="A-1"), await enrolled(members)
    taken = pb.IssueLoyaltyCardRequest(parent=two.name, number="A-1")
    assert (await refused(identity.IssueLoyaltyCard(taken))).reason == "IDENTIFIER_TAKEN"
    nobody = pb.IssueLoyaltyCardRequest(parent=NOBODY, number="A-9")
    assert (await refused(identity.IssueLoyaltyCard(nobody))).reason == "MEMBER_NOT_FOUND"
    for name, reason in ((f"{one.name}/loyaltyCards/2", "LOYALTY_CARD_NOT_FOUND"), (one.name, "REQUEST_INVALID")):
        block = pb.BlockLoyaltyCardRequest(name=name, reason="lost")
        assert (await refused(identity.BlockLoyaltyCard(block))).reason == reason


async def test_members_are_listed_by_tag_and_by_part_of_the_organisation(
    members: MembersServiceStub, identity: Identity
) -> None:
    names = [(await enrolled(members, org=org)).name for org in ("/cn/east", "/cn/east/1", "/cn/eastern", "")]
    for name in names[1:3]:
        tagged = await identity.ModifyTags(pb.ModifyTagsRequest(name=name, add_tags=["vip", "茶"]))
        assert list(tagged.tags) == ["vip", "茶"]
    untagged = await identity.ModifyTags(pb.ModifyTagsRequest(name=names[2], remove_tags=["vip"], add_tags=["tea"]))
    assert list(untagged.tags) == ["tea", "茶"]

    async def listed(**query: Any) -> list[int]:
        found = await members.ListMembers(members_pb.ListMembersRequest(**query))
        return sorted(names.index(member.name) for member in found.members)

    assert await listed(tag="vip") == [1]
    assert await listed(tag="茶") == [1, 2]
    assert await listed(org="/cn/east") == [0, 1]
    assert await listed(org="/cn") == [0, 1, 2]
    assert await listed(org="/") == [0, 1, 2, 3]
    assert await listed(org="/cn/east", tag="茶") == [1]


async def test_there_are_only_so_many_tags(members: MembersServiceStub, identity: Identity) -> None:
    name = (await enrolled(members)).name
    await identity.ModifyTags(pb.ModifyTagsRequest(name=name, add_tags=[f"t{n}" for n in range(100)]))
    refusal = await refused(identity.ModifyTags(pb.ModifyTagsRequest(name=name, add_tags=["more"])))
    assert (refusal.reason, refusal.metadata) == ("LIMIT_EXCEEDED", {"what": "tags", "limit": "100"})


async def test_an_erased_person_is_gone_and_the_figures_stay(
    channel: grpc.aio.Channel, members: MembersServiceStub, identity: Identity, database: Database[MembersUnit]
) -> None:
    enroll = members_pb.EnrollMemberRequest(member=FANG, request_id=str(uuid.uuid4()))
    member = await members.EnrollMember(enroll)
    await identity.ModifyTags(pb.ModifyTagsRequest(name=member.name, add_tags=["vip"]))
    await members.AccruePoints(members_pb.AccruePointsRequest(parent=member.name, points=70, source="orders/1"))
    erase = pb.EraseMemberRequest(name=member.name, reason="asked by letter")
    erased = await identity.EraseMember(erase)
    assert await identity.EraseMember(erase) == erased
    assert erased.state == members_pb.Member.STATE_ERASED
    assert erased.HasField("erase_time")
    for field in ("display_name", "phone", "email", "card_number", "identities", "birthday", "loyalty_cards", "tags"):
        assert not getattr(erased, field) or getattr(erased, field) == Date(), field
    assert await members.GetMember(members_pb.GetMemberRequest(name=member.name)) == erased
    # Also the kept answer to the enrolment has forgotten the person.
    assert (await members.EnrollMember(enroll)).state == members_pb.Member.STATE_ERASED
    balance = await members.GetBalance(members_pb.GetBalanceRequest(name=f"{member.name}/balance"))
    assert balance.available == 70
    refusal = await refused(members.LookupMember(members_pb.LookupMemberRequest(phone=FANG.phone)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "MEMBER_NOT_FOUND")
    assert (await members.ListMembers(members_pb.ListMembersRequest())).members == []
    change = members_pb.UpdateMemberRequest(member=members_pb.Member(name=member.name, display_name="x"))
    for call in (
        members.UpdateMember(change),
        identity.ModifyTags(pb.ModifyTagsRequest(name=member.name, add_tags=["x"])),
        identity.IssueLoyaltyCard(pb.IssueLoyaltyCardRequest(parent=member.name, number="x")),
    ):
        assert (await refused(call)).reason == "MEMBER_ERASED"
    assert await trail(channel, member.name) == ["EraseMember", "ModifyTags"]
    # Whoever comes back is somebody new.
    again = await members.EnrollMember(members_pb.EnrollMemberRequest(member=FANG))
    assert again.name != member.name


async def test_an_export_tells_everything_page_by_page(
    channel: grpc.aio.Channel, members: MembersServiceStub, identity: Identity
) -> None:
    member = await members.EnrollMember(members_pb.EnrollMemberRequest(member=FANG))
    other = await enrolled(members)
    for name in (member.name, other.name):
        for n in range(4):
            await members.AccruePoints(members_pb.AccruePointsRequest(parent=name, points=10, source=f"orders/{n}"))
    hold = members_pb.CreateHoldRequest(parent=member.name, hold=members_pb.Hold(points=15), source="orders/9")
    await members.CreateHold(hold)
    request = pb.ExportMemberRequest(name=member.name, reason="asked by letter", page_size=3)
    records: list[tuple[str, dict[str, Any]]] = []
    while True:
        request.request_id = str(uuid.uuid4())
        answer = await identity.ExportMember(request)
        assert (answer.member, answer.balance.available, answer.balance.held) == (member, 25, 15)
        assert len(answer.records) <= 3
        records += [(record.kind, dict(record.data)) for record in answer.records]
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    kinds = [kind for kind, _ in records]
    assert kinds == sorted(kinds)
    assert {kind: kinds.count(kind) for kind in ("holds", "ledger_lots", "standings")} == {
        "holds": 1,
        "ledger_lots": 4,
        "standings": 1,
    }
    assert kinds.count("ledger_entries") >= 5
    assert not any(other.name.partition("/")[2] in str(record) for _, record in records)
    assert await trail(channel, member.name) == ["ExportMember"]


async def test_an_export_is_not_for_everybody(address: str, keys: Keys, members: MembersServiceStub) -> None:
    member = await enrolled(members, display_name="x")
    async with channel_to(address, keys.bearer("viewer")) as channel:
        refusal = await refused(Identity(channel).ExportMember(pb.ExportMemberRequest(name=member.name, reason="?")))
    assert (refusal.reason, refusal.metadata["scope"]) == ("SCOPE_MISSING", "members.pii")
    nobody = pb.ExportMemberRequest(name=NOBODY, reason="?")
    async with channel_to(address, keys.bearer("clerk")) as channel:
        assert (await refused(Identity(channel).ExportMember(nobody))).reason == "MEMBER_NOT_FOUND"


async def test_two_members_become_one_and_two_again(
    channel: grpc.aio.Channel, members: MembersServiceStub, identity: Identity
) -> None:
    one, two = await enrolled(members, card_number="A-1"), await enrolled(members, card_number="B-1")
    for name in (one.name, two.name):
        await members.AccruePoints(members_pb.AccruePointsRequest(parent=name, points=50, source="orders/1"))
    request = pb.MergeMembersRequest(
        merged_member=one.name, member=two.name, reason="the same person", request_id=str(uuid.uuid4())
    )
    merge = await identity.MergeMembers(request)
    assert await identity.MergeMembers(request) == merge
    assert (merge.merged_member, merge.member, merge.state) == (one.name, two.name, pb.Merge.STATE_ACTIVE)
    shown = await members.GetMember(members_pb.GetMemberRequest(name=one.name))
    assert (shown.name, [each.member for each in shown.merged_members]) == (two.name, [one.name])
    assert shown.merged_members[0].loyalty_cards[0].name == f"{one.name}/loyaltyCards/1"
    balance = await members.GetBalance(members_pb.GetBalanceRequest(name=f"{one.name}/balance"))
    assert (balance.name, balance.available) == (f"{two.name}/balance", 100)
    entries = await members.ListEntries(members_pb.ListEntriesRequest(parent=two.name))
    assert entries.entries[0].kind == members_pb.Entry.KIND_MERGE
    export = await identity.ExportMember(pb.ExportMemberRequest(name=two.name, reason="?", page_size=1000))
    assert {"merges", "ledger_entries", "ledger_lots"} <= {record.kind for record in export.records}
    undo = pb.UndoMergeRequest(name=merge.name, reason="two persons", request_id=str(uuid.uuid4()))
    undone = await identity.UndoMerge(undo)
    assert await identity.UndoMerge(undo) == undone
    assert undone.state == pb.Merge.STATE_UNDONE
    for before in (one, two):
        after = await members.GetMember(members_pb.GetMemberRequest(name=before.name))
        assert (after.name, after.loyalty_cards, after.merged_members) == (before.name, before.loyalty_cards, [])
        listed = await identity.ListMerges(pb.ListMergesRequest(parent=before.name))
        assert list(listed.merges) == [undone]
    assert await trail(channel, one.name) == ["UndoMerge", "MergeMembers"]


async def test_merges_of_nobody_and_of_one_are_refused(members: MembersServiceStub, identity: Identity) -> None:
    one = await enrolled(members)
    for merged, reason in ((one.name, "MERGE_INVALID"), (NOBODY, "MEMBER_NOT_FOUND")):
        request = pb.MergeMembersRequest(merged_member=merged, member=one.name, reason="?")
        assert (await refused(identity.MergeMembers(request))).reason == reason
    nothing = pb.UndoMergeRequest(name=f"merges/{uuid.uuid4()}", reason="?")
    assert (await refused(identity.UndoMerge(nothing))).reason == "MERGE_NOT_FOUND"
    assert (await refused(identity.ListMerges(pb.ListMergesRequest(parent=NOBODY)))).reason == "MEMBER_NOT_FOUND"
