"""CreateSegment, GetSegment, ListSegments, UpdateSegment, PreviewSegment, ListSegmentMembers, fed by orders' events."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from kehu.campaigns.v1 import segments_pb2 as pb
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from services.campaigns import consumer
from tests.component.campaigns.conftest import Worker
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import create_segment, criterion, name, orders_at_least, usd, wire
from tests.support.rpc import refused


async def members_of(campaigns: CampaignsServiceStub, segment: str) -> list[str]:
    answer = await campaigns.ListSegmentMembers(pb.ListSegmentMembersRequest(parent=segment))
    return [each.member for each in answer.segment_members]


async def test_a_segment_is_what_was_asked_for(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    rule = pb.Rule(
        all_of=pb.RuleGroup(
            rules=[
                orders_at_least(2),
                pb.Rule(
                    any_of=pb.RuleGroup(
                        rules=[
                            criterion(wire.METRIC_TOTAL_SPENT, wire.COMPARISON_MORE_THAN, usd(50)),
                            criterion(wire.METRIC_RECENCY_DAYS, wire.COMPARISON_LESS_THAN, 30),
                        ]
                    )
                ),
            ]
        )
    )
    created = await campaigns.CreateSegment(create_segment(rule))
    assert (created.rule, created.rule_version, created.state) == (rule, 1, pb.Segment.STATE_BUILDING)
    await worker.run(consumer.build_segments)
    found = await campaigns.GetSegment(pb.GetSegmentRequest(name=created.name))
    assert (found.rule, found.state) == (rule, pb.Segment.STATE_ACTIVE)


async def test_segments_are_listed_newest_first(campaigns: CampaignsServiceStub) -> None:
    created = [(await campaigns.CreateSegment(create_segment(orders_at_least(1)))).name for _ in range(3)]
    first = await campaigns.ListSegments(pb.ListSegmentsRequest(page_size=2))
    rest = await campaigns.ListSegments(pb.ListSegmentsRequest(page_size=2, page_token=first.next_page_token))
    assert [segment.name for segment in (*first.segments, *rest.segments)] == created[::-1]


async def test_members_follow_purchases_and_rules(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    segment = await campaigns.CreateSegment(create_segment(orders_at_least(2)))
    loyal, casual = uuid.uuid4(), uuid.uuid4()
    await worker.take(build.order_paid(loyal), build.order_paid(loyal), build.order_paid(casual), build.order_paid())
    assert await members_of(campaigns, segment.name) == [name("members", loyal)]
    update = pb.UpdateSegmentRequest(
        segment=pb.Segment(name=segment.name, rule=orders_at_least(1), etag=segment.etag),
        update_mask=FieldMask(paths=["rule"]),
    )
    updated = await campaigns.UpdateSegment(update)
    assert (updated.rule_version, updated.display_name) == (2, segment.display_name)
    assert (await refused(campaigns.UpdateSegment(update))).reason == "ETAG_MISMATCH"
    await worker.run(consumer.build_segments)
    assert await members_of(campaigns, segment.name) == sorted(name("members", each) for each in (loyal, casual))


async def test_the_members_of_a_segment_are_listed_page_by_page(
    campaigns: CampaignsServiceStub, worker: Worker
) -> None:
    segment = await campaigns.CreateSegment(create_segment(orders_at_least(1)))
    await worker.take(*(build.order_paid(uuid.uuid4()) for _ in range(5)))
    request = pb.ListSegmentMembersRequest(parent=segment.name, page_size=2)
    listed = []
    for _ in range(3):
        page = await campaigns.ListSegmentMembers(request)
        listed += [each.member for each in page.segment_members]
        request.page_token = page.next_page_token
    assert listed == sorted(listed)
    assert (len(set(listed)), request.page_token) == (5, "")


async def test_a_preview_counts_members(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    await worker.take(build.order_paid(uuid.uuid4(), cents=9000), build.order_paid(uuid.uuid4(), cents=100))
    rule = criterion(wire.METRIC_AVERAGE_ORDER, wire.COMPARISON_AT_LEAST, usd(90))
    assert await campaigns.PreviewSegment(pb.PreviewSegmentRequest(rule=rule)) == pb.PreviewSegmentResponse(
        member_count=1, profile_count=2
    )


def nested(depth: int) -> pb.Rule:
    rule = orders_at_least(1)
    for _ in range(depth - 1):
        rule = pb.Rule(all_of=pb.RuleGroup(rules=[rule]))
    return rule


VALUELESS = pb.Rule(criterion=wire(metric=wire.METRIC_ORDER_COUNT, comparison=wire.COMPARISON_EQUAL))
WIDE = pb.Rule(any_of=pb.RuleGroup(rules=[pb.Rule(any_of=pb.RuleGroup(rules=[orders_at_least(1)] * 20))] * 3))


@pytest.mark.parametrize(
    ("rule", "reason", "field"),
    [
        (pb.Rule(), "REQUEST_INVALID", "rule.condition"),
        (pb.Rule(all_of=pb.RuleGroup()), "REQUEST_INVALID", "rule.all_of.rules"),
        (criterion(99, wire.COMPARISON_EQUAL, 1), "REQUEST_INVALID", "rule.criterion.metric"),
        (VALUELESS, "REQUEST_INVALID", "rule.criterion.value"),
        (criterion(wire.METRIC_ORDER_COUNT, wire.COMPARISON_EQUAL, -1), "REQUEST_INVALID", "rule.criterion.number"),
        (criterion(wire.METRIC_ORDER_COUNT, wire.COMPARISON_EQUAL, usd(1)), "REQUEST_INVALID", "rule.criterion.number"),
        (criterion(wire.METRIC_TOTAL_SPENT, wire.COMPARISON_EQUAL, 1), "REQUEST_INVALID", "rule.criterion.amount"),
        (nested(6), "RULE_TOO_LARGE", "rule"),
        (nested(40), "RULE_TOO_LARGE", "rule"),
        (WIDE, "RULE_TOO_LARGE", "rule"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    campaigns: CampaignsServiceStub, rule: pb.Rule, reason: str, field: str
) -> None:
    refusal = await refused(campaigns.PreviewSegment(pb.PreviewSegmentRequest(rule=rule)))
    assert (refusal.code, refusal.reason, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, reason, [field])


async def test_a_segment_has_a_name_and_a_rule(campaigns: CampaignsServiceStub) -> None:
    nameless = await refused(campaigns.CreateSegment(create_segment(orders_at_least(1), display_name=" ")))
    assert nameless.fields == ["segment.display_name"]
    ruleless = pb.CreateSegmentRequest(segment=pb.Segment(display_name="x"))
    assert (await refused(campaigns.CreateSegment(ruleless))).fields == ["segment.rule"]


async def test_an_unknown_segment_is_not_found(campaigns: CampaignsServiceStub) -> None:
    unknown = name("segments")
    for call in (
        campaigns.GetSegment(pb.GetSegmentRequest(name=unknown)),
        campaigns.UpdateSegment(pb.UpdateSegmentRequest(segment=pb.Segment(name=unknown, display_name="x"))),
        campaigns.ListSegmentMembers(pb.ListSegmentMembersRequest(parent=unknown)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "SEGMENT_NOT_FOUND")


async def test_time_puts_members_to_sleep(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    rule = criterion(wire.METRIC_RECENCY_DAYS, wire.COMPARISON_AT_LEAST, 30)
    segment = await campaigns.CreateSegment(create_segment(rule))
    almost = datetime.now(UTC) - timedelta(days=30) + timedelta(milliseconds=500)
    member = uuid.uuid4()
    await worker.take(build.order_paid(member, pay_time=almost))
    assert await members_of(campaigns, segment.name) == []
    while datetime.now(UTC) < almost + timedelta(days=30):
        await worker.run(consumer.judge_by_time)
    await worker.run(consumer.judge_by_time)
    assert await members_of(campaigns, segment.name) == [name("members", member)]
