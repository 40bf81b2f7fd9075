"""Referrals, birthdays, profiles and badges, as clients and the worker see them."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from kehu.members.v1 import badges_pb2 as bpb
from kehu.members.v1 import check_ins_pb2 as cpb
from kehu.members.v1 import engagement_pb2 as pb
from kehu.members.v1 import members_pb2 as mpb
from kehu.members.v1 import referrals_pb2 as rpb
from kehu.members.v1.engagement_pb2_grpc import EngagementServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.orders.v1.events_pb2 import OrderPaid, OrderRefunded

from kit.db import Database
from kit.worker import Received
from services.members import consumer
from services.members.storage.unit import MembersUnit
from tests.component.members.test_orders import received, wire
from tests.support.rpc import refused

POLICY = pb.EngagementPolicy(
    name="engagementPolicies/default",
    check_in=cpb.CheckInRules(points=1),
    referrals=rpb.ReferralRules(referrer_points=200, member_points=100, attach_days=7, rewards_per_month=10),
    birthdays=bpb.BirthdayRules(points=50, leap_day=bpb.BirthdayRules.LEAP_DAY_MARCH_1),
    profiles=bpb.ProfileRules(points=30, fields=[bpb.ProfileRules.FIELD_EMAIL, bpb.ProfileRules.FIELD_HOME_STORE]),
)


@pytest.fixture
async def engagement(channel: grpc.aio.Channel) -> EngagementServiceStub:
    """The service, with rules for everything."""
    stub = EngagementServiceStub(channel)
    changed = await stub.UpdateEngagementPolicy(pb.UpdateEngagementPolicyRequest(policy=POLICY))
    assert (changed.referrals, changed.birthdays, changed.profiles) == (
        POLICY.referrals,
        POLICY.birthdays,
        POLICY.profiles,
    )
    return stub


async def enroll(members: MembersServiceStub, **fields: Any) -> str:
    member = await members.EnrollMember(mpb.EnrollMemberRequest(member=mpb.Member(**fields)))
    return str(member.name)


async def points(members: MembersServiceStub, *of: str) -> list[int]:
    names = [mpb.GetBalanceRequest(name=f"{member}/balance") for member in of]
    return [(await members.GetBalance(name)).available for name in names]


def paid(member: str, units: int, **fields: Any) -> Received:
    message = OrderPaid(
        order=f"orders/{uuid.uuid4()}",
        member=member,
        net_total=Money(currency_code="USD", units=units),
        pay_time=wire(datetime.now(UTC) + timedelta(seconds=1)),
        **fields,
    )
    return received(message, 1)


def refunded(event: Received) -> Received:
    order = event.message
    nothing = Money(currency_code="USD")
    message = OrderRefunded(order=order.order, member=order.member, net_total=nothing, pay_time=order.pay_time)
    return received(message, 2)


async def test_who_brings_a_member_is_rewarded_with_the_first_order_and_not_after_its_refund(
    engagement: EngagementServiceStub, members: MembersServiceStub, database: Database[MembersUnit]
) -> None:
    referrer, member = await enroll(members), await enroll(members)
    made = await engagement.CreateReferralCode(rpb.CreateReferralCodeRequest(parent=referrer))
    name = rpb.GetReferralCodeRequest(name=made.name)
    assert await engagement.GetReferralCode(name) == made
    request = rpb.AttachReferralRequest(parent=member, code=made.code.lower(), request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(engagement.AttachReferral(request) for _ in range(5)))
    assert {(answer.name, answer.referrer, answer.state) for answer in answers} == {
        (f"{member}/referral", referrer, rpb.Referral.STATE_PENDING)
    }
    purchase = paid(member, 20)
    database.write(consumer.reward_referrals, [paid(member, 20, imported=True), paid("", 20), purchase])
    rewarded = await engagement.GetReferral(rpb.GetReferralRequest(name=f"{member}/referral"))
    assert (rewarded.order, rewarded.state) == (purchase.message.order, rpb.Referral.STATE_REWARDED)
    assert await points(members, referrer, member) == [200, 100]
    database.write(consumer.reward_referrals, [refunded(purchase)])
    assert await points(members, referrer, member) == [0, 0]
    listed = await engagement.ListReferrals(rpb.ListReferralsRequest(parent=referrer))
    assert [(each.name, each.state) for each in listed.referrals] == [
        (f"{member}/referral", rpb.Referral.STATE_REVOKED)
    ]
    itself = rpb.AttachReferralRequest(parent=referrer, code=made.code)
    assert (await refused(engagement.AttachReferral(itself))).reason == "REFERRAL_SELF"


async def test_a_birthday_and_a_complete_profile_give_points_once(
    engagement: EngagementServiceStub, members: MembersServiceStub, database: Database[MembersUnit]
) -> None:
    today = datetime.now(UTC)
    member = await enroll(members, email="fang@example.com", birthday=Date(year=1990, month=today.month, day=today.day))
    for _ in range(2):
        database.write(consumer.congratulate)
    assert await points(members, member) == [50]
    for store in ("tea-1", "tea-2"):
        change = mpb.UpdateMemberRequest(
            member=mpb.Member(name=member, home_store=store), update_mask=FieldMask(paths=["home_store"])
        )
        await members.UpdateMember(change)
    assert await points(members, member) == [80]


async def test_badges_are_made_given_listed_and_retired(
    engagement: EngagementServiceStub, members: MembersServiceStub, database: Database[MembersUnit]
) -> None:
    wanted = [
        bpb.Badge(display_name="Regular", metric=bpb.Badge.METRIC_CHECK_INS, threshold=1),
        bpb.Badge(display_name="Buyer", metric=bpb.Badge.METRIC_ORDERS, threshold=1),
        bpb.Badge(display_name="Collector", metric=bpb.Badge.METRIC_POINTS_EARNED, threshold=100),
    ]
    made = [await engagement.CreateBadge(bpb.CreateBadgeRequest(badge=badge)) for badge in wanted]
    assert await engagement.GetBadge(bpb.GetBadgeRequest(name=made[0].name)) == made[0]
    member = await enroll(members)
    await engagement.CreateCheckIn(cpb.CreateCheckInRequest(parent=member))
    order = paid(member, 99)
    database.write(consumer.reward_referrals, [order])
    database.write(consumer.settle, [order])
    request, seen = bpb.ListBadgeAwardsRequest(parent=member, page_size=2), []
    while True:
        page = await engagement.ListBadgeAwards(request)
        seen += [award.badge.display_name for award in page.badge_awards]
        request.page_token = page.next_page_token
        if not request.page_token:
            break
    assert seen == ["Collector", "Buyer", "Regular"]
    retired = await engagement.RetireBadge(bpb.RetireBadgeRequest(name=made[0].name))
    listed = await engagement.ListBadges(bpb.ListBadgesRequest())
    assert list(listed.badges) == [made[2], made[1], retired]


async def test_what_is_unknown_is_not_found(engagement: EngagementServiceStub, members: MembersServiceStub) -> None:
    nobody, member = f"members/{uuid.uuid4()}", await enroll(members)
    for call in (
        engagement.CreateReferralCode(rpb.CreateReferralCodeRequest(parent=nobody)),
        engagement.GetReferralCode(rpb.GetReferralCodeRequest(name=f"{member}/referralCode")),
        engagement.AttachReferral(rpb.AttachReferralRequest(parent=member, code="00000000")),
        engagement.GetReferral(rpb.GetReferralRequest(name=f"{member}/referral")),
        engagement.ListReferrals(rpb.ListReferralsRequest(parent=nobody)),
        engagement.GetBadge(bpb.GetBadgeRequest(name=f"badges/{uuid.uuid4()}")),
        engagement.ListBadgeAwards(bpb.ListBadgeAwardsRequest(parent=nobody)),
    ):
        assert (await refused(call)).code == grpc.StatusCode.NOT_FOUND
