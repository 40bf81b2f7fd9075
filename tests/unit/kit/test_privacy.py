"""Messages without what is personal, however deep it is."""

from __future__ import annotations

from kehu.members.v1 import identity_pb2, members_pb2

from kit.rpc.privacy import bare

CARD = members_pb2.LoyaltyCard(name="members/1/loyaltyCards/1", number="4711")
IDENTITY = members_pb2.Identity(channel="wechat", external_id="9")


def test_sensitive_fields_are_left_out_at_every_depth() -> None:
    told = members_pb2.Member(
        name="members/1",
        phone="+8613800138000",
        home_store="stores/1",
        identities=[IDENTITY],
        merged_members=[members_pb2.MergedMember(member="members/2", email="a@b.c", loyalty_cards=[CARD])],
    )
    before = told.SerializeToString()
    assert bare(told) == members_pb2.Member(
        name="members/1",
        home_store="stores/1",
        identities=[members_pb2.Identity(channel="wechat")],
        merged_members=[
            members_pb2.MergedMember(
                member="members/2", loyalty_cards=[members_pb2.LoyaltyCard(name="members/1/loyaltyCards/1")]
            )
        ],
    )
    assert told.SerializeToString() == before


def test_a_map_within_a_message_is_left_out_with_it() -> None:
    record = identity_pb2.ExportMemberResponse.Record(kind="holds")
    record.data.update({"name": "Fang"})
    answer = identity_pb2.ExportMemberResponse(records=[record], next_page_token="x")
    kept = bare(answer)
    assert (kept.records[0].kind, kept.records[0].HasField("data"), kept.next_page_token) == ("holds", False, "x")
