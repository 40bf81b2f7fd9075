"""Calls that name a member who was merged into another one: the old name is good for ever."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from kehu.campaigns.v1 import coupons_pb2, profiles_pb2, segments_pb2
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from kit.db import Database
from kit.worker import Received
from services.campaigns import consumer
from services.campaigns.storage.unit import CampaignsUnit
from tests.component.campaigns.conftest import Worker
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import name, usd
from tests.support.builders.merges import merged
from tests.support.rpc import refused

Take = Callable[..., Any]


@pytest.fixture
def take(database: Database[CampaignsUnit]) -> Take:
    """The worker's handler of what members tell."""

    async def handle(*events: Received) -> None:
        await asyncio.to_thread(database.write, consumer.take_members, list[Received](events))

    return handle


@pytest.fixture
def pair() -> Sequence[uuid.UUID]:
    """Who is merged, and who is kept."""
    return uuid.uuid4(), uuid.uuid4()


async def test_the_old_name_leads_to_what_the_kept_member_has(
    campaigns: CampaignsServiceStub, worker: Worker, take: Take, pair: Sequence[uuid.UUID]
) -> None:
    gone, kept = pair
    await worker.take(build.order_paid(gone), build.order_paid(kept))
    await take(merged(gone, kept))
    profile = await campaigns.GetProfile(profiles_pb2.GetProfileRequest(name=name("profiles", gone)))
    assert (profile.name, profile.spendings[0].order_count) == (name("profiles", kept), 2)
    template = await campaigns.CreateCouponTemplate(build.create_template())
    issued = await campaigns.IssueCoupon(build.issue(template.name, name("members", gone)))
    assert issued.member == name("members", kept)
    listed = await campaigns.ListCoupons(coupons_pb2.ListCouponsRequest(member=name("members", gone)))
    assert [each.name for each in listed.coupons] == [issued.name]


async def test_coupons_are_priced_and_locked_under_the_old_name(
    campaigns: CampaignsServiceStub, take: Take, pair: Sequence[uuid.UUID]
) -> None:
    gone, kept = (name("members", each) for each in pair)
    template = await campaigns.CreateCouponTemplate(build.create_template())
    issued = await campaigns.IssueCoupon(build.issue(template.name, gone))
    await take(merged(*pair))
    for member in (gone, kept):
        priced = await campaigns.PriceOrder(build.price(build.line(1, usd(9)), member=member, coupons=[issued.name]))
        assert priced.total == usd(4)
    until = datetime.now(UTC) + timedelta(minutes=15)
    locked = await campaigns.LockCoupons(build.lock([issued.name], name("orders"), gone, until=until))
    assert [each.member for each in locked.coupons] == [kept]


async def test_who_comes_into_a_segment_by_a_merge_is_said_to(
    campaigns: CampaignsServiceStub, worker: Worker, take: Take, pair: Sequence[uuid.UUID]
) -> None:
    segment = await campaigns.CreateSegment(build.create_segment(build.orders_at_least(2)))
    await worker.run(consumer.build_segments)
    await worker.take(*(build.order_paid(each) for each in pair))
    await take(merged(*pair))
    found = await campaigns.ListSegmentMembers(segments_pb2.ListSegmentMembersRequest(parent=segment.name))
    assert [(each.member, each.cause) for each in found.segment_members] == [
        (name("members", pair[1]), segments_pb2.SegmentMember.ENTRY_CAUSE_MERGE)
    ]


async def test_who_was_erased_has_no_profile(
    campaigns: CampaignsServiceStub, worker: Worker, take: Take, pair: Sequence[uuid.UUID]
) -> None:
    await worker.take(build.order_paid(pair[0]))
    await take(build.erased(pair[0]))
    refusal = await refused(campaigns.GetProfile(profiles_pb2.GetProfileRequest(name=name("profiles", pair[0]))))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "PROFILE_NOT_FOUND")
