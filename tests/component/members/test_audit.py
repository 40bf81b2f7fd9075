"""ListAuditEntries."""

from __future__ import annotations

import json

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from kehu.members.v1 import audit_pb2 as pb
from kehu.members.v1 import badges_pb2, earn_rules_pb2, engagement_pb2, mall_pb2, members_pb2, point_transfers_pb2
from kehu.members.v1.audit_pb2_grpc import AuditServiceStub
from kehu.members.v1.engagement_pb2_grpc import EngagementServiceStub
from kehu.members.v1.mall_pb2_grpc import MallServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from kit.db import Database
from services.members.storage.unit import MembersUnit
from tests.support.builders.mall import reward_request
from tests.support.builders.proof import act
from tests.support.rpc import Keys, channel_to, refused


@pytest.fixture
def audit(channel: grpc.aio.Channel) -> AuditServiceStub:
    return AuditServiceStub(channel)


@pytest.fixture
def acts(database: Database[MembersUnit]) -> None:
    database.write(lambda unit: unit.audit.record(*(act(f"members/{number}") for number in (1, 2, 3))))


async def test_acts_are_listed_newest_first_with_their_seals(audit: AuditServiceStub, acts: None) -> None:
    entries = (await audit.ListAuditEntries(pb.ListAuditEntriesRequest())).audit_entries
    assert [entry.name for entry in entries] == ["auditEntries/3", "auditEntries/2", "auditEntries/1"]
    assert entries[0].previous_hash == entries[1].hash
    last = entries[0]
    assert (last.actor, last.subject, last.reason) == ("tester", "members/3", "goodwill")
    assert (last.before, last.after) == ('{"available":0}', '{"available":10}')


async def test_pages_show_each_entry_once(audit: AuditServiceStub, acts: None) -> None:
    request, seen = pb.ListAuditEntriesRequest(page_size=2), list[str]()
    while True:
        response = await audit.ListAuditEntries(request)
        seen += [entry.subject for entry in response.audit_entries]
        request.page_token = response.next_page_token
        if not request.page_token:
            break
    assert seen == ["members/3", "members/2", "members/1"]


async def test_entries_are_found_by_what_is_known(audit: AuditServiceStub, acts: None) -> None:
    found = await audit.ListAuditEntries(pb.ListAuditEntriesRequest(subject="members/2"))
    assert [entry.subject for entry in found.audit_entries] == ["members/2"]
    none = await audit.ListAuditEntries(
        pb.ListAuditEntriesRequest(actor="tester", end_time=Timestamp(seconds=1_000_000_000))
    )
    assert list(none.audit_entries) == []


async def test_the_trail_is_for_auditors(audit: AuditServiceStub, address: str, keys: Keys) -> None:
    async with channel_to(address, keys.bearer("auditor")) as channel:
        await AuditServiceStub(channel).ListAuditEntries(pb.ListAuditEntriesRequest())
    async with channel_to(address, keys.bearer("clerk")) as channel:
        refusal = await refused(AuditServiceStub(channel).ListAuditEntries(pb.ListAuditEntriesRequest()))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING")


async def test_a_change_of_the_rules_says_who_made_it_and_what_is_different(
    audit: AuditServiceStub, members: MembersServiceStub
) -> None:
    change = members_pb2.UpdateProgrammeRequest(
        programme=members_pb2.Programme(
            name="programmes/default",
            redeem=members_pb2.Rate(points=200, amount=Money(currency_code="USD", units=1)),
        ),
        update_mask=FieldMask(paths=["redeem"]),
        reason="spring",
    )
    await members.UpdateProgramme(change)
    await members.UpdateProgramme(change)
    (entry,) = (await audit.ListAuditEntries(pb.ListAuditEntriesRequest(subject="programmes/default"))).audit_entries
    assert (entry.actor, entry.reason) == ("tester", "spring")
    was, is_ = json.loads(entry.before), json.loads(entry.after)
    assert (was.pop("version"), is_.pop("version")) == (1, 2)
    assert (was.pop("redeem")["points"], is_.pop("redeem")["points"]) == (100, 200)
    assert was == is_
    assert {"earn", "tiers", "scheme", "rules", "caps", "cash", "time_zone"} <= was.keys()


async def test_a_page_of_large_entries_is_shorter_and_the_next_one_goes_on(
    audit: AuditServiceStub, members: MembersServiceStub
) -> None:
    goods = {
        "products": [f"products/{number:0>90}" for number in range(500)],
        "categories": [f"categories/{number:0>88}" for number in range(500)],
    }
    for points in (2, 3, 4, 5):
        scope = earn_rules_pb2.GoodsScope(**goods)
        rules = [earn_rules_pb2.EarnRule(id=f"no-{n}", bonus_points=points, scope=scope) for n in range(4)]
        await members.UpdateProgramme(
            members_pb2.UpdateProgrammeRequest(
                programme=members_pb2.Programme(name="programmes/default", rules=rules),
                update_mask=FieldMask(paths=["rules"]),
            )
        )
    seen: list[int] = []
    sizes: list[int] = []
    request = pb.ListAuditEntriesRequest(page_size=1000)
    while not sizes or request.page_token:
        answer = await audit.ListAuditEntries(request)
        sizes.append(answer.ByteSize())
        seen += [json.loads(entry.after)["rules"][0]["bonus"] for entry in answer.audit_entries]
        request.page_token = answer.next_page_token
    assert seen == [5, 4, 3, 2]
    assert 1 < len(sizes) < 5
    assert max(sizes) < 4 << 20


async def test_settings_say_who_changed_them_and_how_they_were(
    audit: AuditServiceStub, channel: grpc.aio.Channel
) -> None:
    mall, engagement = MallServiceStub(channel), EngagementServiceStub(channel)
    reward = await mall.CreateReward(reward_request())
    await mall.PublishReward(mall_pb2.PublishRewardRequest(name=reward.name))
    limits = point_transfers_pb2.PointTransferPolicy(name="pointTransferPolicies/default", daily_limit=500)
    await mall.UpdatePointTransferPolicy(point_transfers_pb2.UpdatePointTransferPolicyRequest(policy=limits))
    rules = engagement_pb2.EngagementPolicy(
        name="engagementPolicies/default", birthdays=badges_pb2.BirthdayRules(points=30)
    )
    for _ in range(2):  # the second time, nothing is different
        await engagement.UpdateEngagementPolicy(engagement_pb2.UpdateEngagementPolicyRequest(policy=rules))
    entries = (await audit.ListAuditEntries(pb.ListAuditEntriesRequest())).audit_entries
    assert {entry.actor for entry in entries} == {"tester"}
    said = [(entry.subject, json.loads(entry.before), json.loads(entry.after)) for entry in reversed(entries)]
    assert [subject for subject, _, _ in said] == [reward.name, reward.name, limits.name, rules.name]
    assert said[0][1] == {}
    assert said[1][1] == said[0][2]
    assert said[1][2] == {**said[1][1], "state": "ON_SALE", "version": 2}
    assert said[1][2]["offer"]["programme"] == "default"
    assert said[2][2]["daily_limit"] == 500
    assert said[3][1]["birthdays"] is None
    assert said[3][2]["birthdays"]["points"] == 30
