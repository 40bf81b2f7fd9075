"""The rules of engagement and daily check-ins, as a client sees them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from kehu.members.v1 import check_ins_pb2 as cpb
from kehu.members.v1 import daily_limits_pb2 as lpb
from kehu.members.v1 import engagement_pb2 as pb
from kehu.members.v1 import members_pb2 as mpb
from kehu.members.v1.engagement_pb2_grpc import EngagementServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub

from tests.support.rpc import Keys, channel_to, refused

NAME = "engagementPolicies/default"
NOBODY = f"members/{uuid.uuid4()}"
RULES = cpb.CheckInRules(
    points=2,
    bonuses=[cpb.StreakBonus(day=1, points=5), cpb.StreakBonus(day=7, points=10)],
    cycle_days=30,
    missed_day=cpb.CheckInRules.MISSED_DAY_RESET,
    make_up=cpb.MakeUpRules(within_days=3, per_month=2, price=1),
    limits=[lpb.DailyLimit(scope=lpb.DailyLimit.SCOPE_DEVICE, count=1, points=100)],
)


@pytest.fixture
def engagement(channel: grpc.aio.Channel) -> EngagementServiceStub:
    return EngagementServiceStub(channel)


@pytest.fixture
async def member(members: MembersServiceStub) -> str:
    enrolled = await members.EnrollMember(mpb.EnrollMemberRequest(member=mpb.Member(display_name="Fang")))
    return str(enrolled.name)


async def rule(engagement: EngagementServiceStub, *fields: str, **rules: Any) -> pb.EngagementPolicy:
    policy = pb.EngagementPolicy(name=NAME, **rules)
    request = pb.UpdateEngagementPolicyRequest(policy=policy, update_mask=FieldMask(paths=fields))
    changed: pb.EngagementPolicy = await engagement.UpdateEngagementPolicy(request)
    return changed


async def test_rules_that_are_set_are_read_again_and_what_is_left_out_is_switched_off(
    engagement: EngagementServiceStub,
) -> None:
    before = await engagement.GetEngagementPolicy(pb.GetEngagementPolicyRequest(name=NAME))
    assert not before.HasField("check_in")
    changed = await rule(engagement, check_in=RULES)
    assert changed.check_in == RULES
    assert await engagement.GetEngagementPolicy(pb.GetEngagementPolicyRequest(name=NAME)) == changed
    assert (await rule(engagement, check_in=RULES)).etag == changed.etag != before.etag
    stale = pb.UpdateEngagementPolicyRequest(policy=before, update_mask=FieldMask(paths=["*"]))
    assert (await refused(engagement.UpdateEngagementPolicy(stale))).reason == "ETAG_MISMATCH"
    assert not (await rule(engagement, "check_in")).HasField("check_in")


async def test_a_check_in_gives_points_once_a_day(
    engagement: EngagementServiceStub, members: MembersServiceStub, member: str
) -> None:
    await rule(engagement, check_in=RULES)
    request = cpb.CreateCheckInRequest(parent=member, device="phone", request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(engagement.CreateCheckIn(request) for _ in range(5)))
    answers.append(await engagement.CreateCheckIn(cpb.CreateCheckInRequest(parent=member)))
    assert {(answer.member, answer.streak, answer.points, answer.bonus_points) for answer in answers} == {
        (member, 1, 7, 5)
    }
    balance = await members.GetBalance(mpb.GetBalanceRequest(name=f"{member}/balance"))
    assert balance.available == 7
    today = answers[0].day
    shown = await engagement.GetCheckInCalendar(
        cpb.GetCheckInCalendarRequest(name=f"{member}/checkInCalendar", year=today.year, month=today.month)
    )
    assert [each.day for each in shown.check_ins] == [today]
    assert (shown.streak, shown.checked_in_today, shown.make_ups_left) == (1, True, 2)
    assert shown.month == Date(year=today.year, month=today.month)


async def test_a_day_before_the_member_joined_cannot_be_filled(engagement: EngagementServiceStub, member: str) -> None:
    await rule(engagement, check_in=RULES)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    day = Date(year=yesterday.year, month=yesterday.month, day=yesterday.day)
    refusal = await refused(engagement.MakeUpCheckIn(cpb.MakeUpCheckInRequest(parent=member, day=day)))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CHECK_IN_DAY_INVALID")


@pytest.mark.parametrize("day", [Date(), Date(year=2026), Date(year=2026, month=2, day=30), Date(year=9999, day=1)])
async def test_a_day_that_is_none_is_refused(engagement: EngagementServiceStub, member: str, day: Date) -> None:
    refusal = await refused(engagement.MakeUpCheckIn(cpb.MakeUpCheckInRequest(parent=member, day=day)))
    assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["day"])


async def test_what_is_switched_off_and_who_is_nobody_is_told_so(
    engagement: EngagementServiceStub, member: str
) -> None:
    off = await refused(engagement.CreateCheckIn(cpb.CreateCheckInRequest(parent=member)))
    assert (off.reason, off.metadata) == ("ENGAGEMENT_DISABLED", {"activity": "check-in"})
    await rule(engagement, check_in=RULES)
    nobody = await refused(engagement.CreateCheckIn(cpb.CreateCheckInRequest(parent=NOBODY)))
    assert (nobody.code, nobody.reason) == (grpc.StatusCode.NOT_FOUND, "MEMBER_NOT_FOUND")
    unknown = await refused(engagement.GetEngagementPolicy(pb.GetEngagementPolicyRequest(name="engagementPolicies/x")))
    assert unknown.code == grpc.StatusCode.NOT_FOUND


async def test_rules_that_contradict_each_other_are_refused_and_change_nothing(
    engagement: EngagementServiceStub,
) -> None:
    twice = cpb.CheckInRules(bonuses=[cpb.StreakBonus(day=7, points=1), cpb.StreakBonus(day=7, points=2)])
    refusal = await refused(
        engagement.UpdateEngagementPolicy(
            pb.UpdateEngagementPolicyRequest(policy=pb.EngagementPolicy(name=NAME, check_in=twice))
        )
    )
    assert (refusal.reason, refusal.fields) == ("ENGAGEMENT_INVALID", ["policy.check_in.bonuses[1].day"])
    after = await engagement.GetEngagementPolicy(pb.GetEngagementPolicyRequest(name=NAME))
    assert not after.HasField("check_in")


async def test_a_clerk_checks_members_in_and_changes_no_rules(
    engagement: EngagementServiceStub, member: str, address: str, keys: Keys
) -> None:
    await rule(engagement, check_in=RULES)
    async with channel_to(address, keys.bearer("clerk")) as channel:
        clerk = EngagementServiceStub(channel)
        assert (await clerk.CreateCheckIn(cpb.CreateCheckInRequest(parent=member))).points == 7
        change = pb.UpdateEngagementPolicyRequest(policy=pb.EngagementPolicy(name=NAME, check_in=RULES))
        refusal = await refused(clerk.UpdateEngagementPolicy(change))
    assert (refusal.code, refusal.metadata["scope"]) == (grpc.StatusCode.PERMISSION_DENIED, "programmes.write")
