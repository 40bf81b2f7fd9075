"""Callers who see a part of the organisation: the coupon templates of that part, and their coupons."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from kehu.campaigns.v1 import automations_pb2, profiles_pb2, segments_pb2
from kehu.campaigns.v1 import coupon_templates_pb2 as tpb
from kehu.campaigns.v1 import coupons_pb2 as pb
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from kit.rpc.convert import wire_instant
from tests.support.builders.campaigns import create_template, line, price, usd
from tests.support.rpc import Keys, channel_to, refused

Stub = CampaignsServiceStub
MEMBER = f"members/{uuid.uuid4()}"
SOON = wire_instant(datetime.now(UTC) + timedelta(minutes=5))


@pytest.fixture
async def east(address: str, keys: Keys) -> AsyncIterator[Stub]:
    """The marketer of the east."""
    async with channel_to(address, keys.bearer("marketer", "clerk", org="/cn/east")) as channel:
        yield Stub(channel)


async def issued(campaigns: Stub, org: str) -> pb.Coupon:
    """A coupon of a template of a part."""
    template = await campaigns.CreateCouponTemplate(create_template(org=org))
    assert template.org == org
    coupon: pb.Coupon = await campaigns.IssueCoupon(pb.IssueCouponRequest(coupon_template=template.name, member=MEMBER))
    return coupon


async def test_templates_and_coupons_of_the_own_part_are_reached_and_no_others(campaigns: Stub, east: Stub) -> None:
    ours = await issued(campaigns, "/cn/east/shanghai")
    others = [await issued(campaigns, org) for org in ("/cn/west", "/cn/eastern", "")]

    templates = await east.ListCouponTemplates(tpb.ListCouponTemplatesRequest())
    assert [each.name for each in templates.coupon_templates] == [ours.coupon_template]
    coupons = await east.ListCoupons(pb.ListCouponsRequest(member=MEMBER))
    assert [each.name for each in coupons.coupons] == [ours.name]
    assert (await east.GetCoupon(pb.GetCouponRequest(name=ours.name))).name == ours.name
    order = f"orders/{uuid.uuid4()}"
    for other in others:
        for call in (
            east.GetCouponTemplate(tpb.GetCouponTemplateRequest(name=other.coupon_template)),
            east.UpdateCouponTemplate(
                tpb.UpdateCouponTemplateRequest(
                    coupon_template=tpb.CouponTemplate(name=other.coupon_template, display_name="x")
                )
            ),
            east.IssueCoupon(pb.IssueCouponRequest(coupon_template=other.coupon_template, member=MEMBER)),
            east.GetCoupon(pb.GetCouponRequest(name=other.name)),
            east.VoidCoupon(pb.VoidCouponRequest(name=other.name)),
            east.LockCoupons(
                pb.LockCouponsRequest(coupons=[ours.name, other.name], member=MEMBER, order=order, expire_time=SOON)
            ),
        ):
            assert (await refused(call)).code is grpc.StatusCode.NOT_FOUND
    assert (await campaigns.GetCoupon(pb.GetCouponRequest(name=ours.name))).state == ours.state


async def test_a_template_is_made_for_the_own_part_and_stays_there(east: Stub) -> None:
    made = await east.CreateCouponTemplate(create_template())
    assert made.org == "/cn/east"
    elsewhere = tpb.CouponTemplate(name=made.name, org="/cn/west")
    for call in (
        east.CreateCouponTemplate(create_template(org="/cn")),
        east.UpdateCouponTemplate(tpb.UpdateCouponTemplateRequest(coupon_template=elsewhere)),
        east.ListCouponTemplates(tpb.ListCouponTemplatesRequest(org="/cn/west")),
    ):
        assert (await refused(call)).reason == "ORG_SCOPE_MISSING"
    deeper = tpb.CouponTemplate(name=made.name, org="/cn/east/shanghai")
    moved = await east.UpdateCouponTemplate(tpb.UpdateCouponTemplateRequest(coupon_template=deeper))
    assert moved.org == "/cn/east/shanghai"


async def test_what_is_known_of_members_is_of_the_whole_house(east: Stub) -> None:
    segment = f"segments/{uuid.uuid4()}"
    for call in (
        east.GetProfile(profiles_pb2.GetProfileRequest(name=MEMBER.replace("members", "profiles"))),
        east.ListSegmentMembers(segments_pb2.ListSegmentMembersRequest(parent=segment)),
        east.ListAutomationRuns(automations_pb2.ListAutomationRunsRequest(parent=f"automations/{uuid.uuid4()}")),
    ):
        assert (await refused(call)).reason == "ORG_SCOPE_MISSING"
    await east.ListSegments(segments_pb2.ListSegmentsRequest())
    priced = price(line(1, usd(1)), coupons=[f"coupons/{uuid.uuid4()}"])
    assert (await refused(east.PriceOrder(priced))).code is grpc.StatusCode.NOT_FOUND
