"""EnrollMember, GetMember, LookupMember, UpdateMember, ListMembers."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.members.v1 import members_pb2 as pb
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from tests.support.rpc import refused

NOBODY = f"members/{uuid.uuid4()}"


def enroll(**fields: Any) -> pb.EnrollMemberRequest:
    return pb.EnrollMemberRequest(member=pb.Member(**fields))


async def test_a_member_is_found_by_each_of_their_identifiers(members: MembersServiceStub) -> None:
    enrolled = await members.EnrollMember(
        enroll(
            display_name="Wang Fang",
            phone="+86 138-0013-8000",
            email="Fang@Example.com",
            card_number="C-1",
            identities=[pb.Identity(channel="wechat", external_id="o1")],
        )
    )
    for request in (
        pb.LookupMemberRequest(phone="+8613800138000"),
        pb.LookupMemberRequest(email="fang@example.COM"),
        pb.LookupMemberRequest(card_number="C-1"),
        pb.LookupMemberRequest(identity=pb.Identity(channel="wechat", external_id="o1")),
    ):
        assert await members.LookupMember(request) == enrolled
    assert await members.GetMember(pb.GetMemberRequest(name=enrolled.name)) == enrolled
    assert (enrolled.phone, enrolled.email, enrolled.tier) == ("+8613800138000", "fang@example.com", "base")


async def test_a_phone_number_belongs_to_one_member_only(members: MembersServiceStub) -> None:
    await members.EnrollMember(enroll(phone="+8613800138000"))
    refusal = await refused(members.EnrollMember(enroll(phone="+86 13800138000")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ALREADY_EXISTS, "IDENTIFIER_TAKEN")
    assert "138" not in refusal.message
    assert refusal.metadata == {"identifier": "phone"}


async def test_the_same_request_enrols_once(members: MembersServiceStub) -> None:
    request = enroll(phone="+8613800138000")
    request.request_id = str(uuid.uuid4())
    first = await members.EnrollMember(request)
    assert await members.EnrollMember(request) == first
    listed = await members.ListMembers(pb.ListMembersRequest())
    assert [member.name for member in listed.members] == [first.name]


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"phone": "13800138000"}, "PHONE_INVALID", "member.phone"),
        ({"phone": "+1"}, "PHONE_INVALID", "member.phone"),
        ({"phone": "+8613\x00800138000"}, "PHONE_INVALID", "member.phone"),
        ({"email": "nobody"}, "EMAIL_INVALID", "member.email"),
        ({"email": "a@b.c\x00"}, "EMAIL_INVALID", "member.email"),
        ({"display_name": "a\x00b"}, "REQUEST_INVALID", "member.display_name"),
        ({"display_name": "x" * 201}, "REQUEST_INVALID", "member.display_name"),
        ({"identities": [pb.Identity(channel="", external_id="1")]}, "REQUEST_INVALID", "member.identities[0].channel"),
        (
            {"identities": [pb.Identity(channel="a", external_id=x) for x in "12"]},
            "REQUEST_INVALID",
            "member.identities",
        ),
    ],
)
async def test_what_is_no_member_is_refused_with_the_field(
    members: MembersServiceStub, fields: dict[str, Any], reason: str, field: str
) -> None:
    refusal = await refused(members.EnrollMember(enroll(**fields)))
    assert (refusal.code, refusal.reason, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, reason, [field])


async def test_nobody_is_found_where_nobody_is(members: MembersServiceStub) -> None:
    for call in (
        members.GetMember(pb.GetMemberRequest(name=NOBODY)),
        members.LookupMember(pb.LookupMemberRequest(phone="+8613800138000")),
        members.UpdateMember(pb.UpdateMemberRequest(member=pb.Member(name=NOBODY, display_name="x"))),
        members.ListTierChanges(pb.ListTierChangesRequest(parent=NOBODY)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "MEMBER_NOT_FOUND")


async def test_an_update_changes_the_fields_of_its_mask_alone(members: MembersServiceStub) -> None:
    before = await members.EnrollMember(enroll(display_name="Fang", phone="+8613800138000"))
    after = await members.UpdateMember(
        pb.UpdateMemberRequest(
            member=pb.Member(name=before.name, display_name="Wang Fang", phone="+8613800138001", etag=before.etag),
            update_mask=FieldMask(paths=["phone"]),
        )
    )
    assert (after.display_name, after.phone) == ("Fang", "+8613800138001")
    assert after.etag != before.etag
    # The old number is free again.
    await members.EnrollMember(enroll(phone="+8613800138000"))


async def test_an_update_for_another_version_is_refused(members: MembersServiceStub) -> None:
    before = await members.EnrollMember(enroll(display_name="Fang"))
    change = pb.UpdateMemberRequest(member=pb.Member(name=before.name, display_name="Wang", etag=before.etag))
    await members.UpdateMember(change)
    refusal = await refused(members.UpdateMember(change))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    change.member.etag = "nonsense"
    assert (await refused(members.UpdateMember(change))).reason == "ETAG_MISMATCH"


async def test_an_update_that_changes_nothing_keeps_the_version(members: MembersServiceStub) -> None:
    before = await members.EnrollMember(enroll(display_name="Fang"))
    request = pb.UpdateMemberRequest(member=before, update_mask=FieldMask(paths=["*"]))
    assert await members.UpdateMember(request) == before


async def test_a_field_that_nobody_may_set_is_refused_in_a_mask(members: MembersServiceStub) -> None:
    before = await members.EnrollMember(enroll(display_name="Fang"))
    request = pb.UpdateMemberRequest(member=before, update_mask=FieldMask(paths=["points"]))
    assert (await refused(members.UpdateMember(request))).fields == ["update_mask"]


async def test_pages_show_every_member_once_the_newest_first(members: MembersServiceStub) -> None:
    names = [(await members.EnrollMember(enroll(display_name=str(n)))).name for n in range(5)]
    seen: list[str] = []
    request = pb.ListMembersRequest(page_size=2)
    while True:
        response = await members.ListMembers(request)
        seen += [member.name for member in response.members]
        if not response.next_page_token:
            break
        request.page_token = response.next_page_token
    assert sorted(seen) == sorted(names)
    assert seen == sorted(names, reverse=True)


async def test_a_page_token_of_another_query_is_refused(members: MembersServiceStub) -> None:
    one = await members.EnrollMember(enroll(display_name="a"))
    await members.EnrollMember(enroll(display_name="b"))
    token = (await members.ListMembers(pb.ListMembersRequest(page_size=1))).next_page_token
    refusal = await refused(members.ListEntries(pb.ListEntriesRequest(parent=one.name, page_token=token)))
    assert refusal.reason == "PAGE_TOKEN_INVALID"
