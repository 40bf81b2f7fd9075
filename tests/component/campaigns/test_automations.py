"""CreateAutomation, GetAutomation, ListAutomations, PauseAutomation, ResumeAutomation, ListAutomationRuns."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
from kehu.campaigns.v1 import automations_pb2, coupons_pb2, errors_pb2
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from tests.component.campaigns.conftest import Worker
from tests.component.campaigns.test_segments import members_of
from tests.support.builders import campaigns as build
from tests.support.builders.campaigns import create_segment, name, orders_at_least
from tests.support.rpc import refused


async def automated(campaigns: CampaignsServiceStub, **template: Any) -> Any:
    segment = await campaigns.CreateSegment(create_segment(orders_at_least(2)))
    offer = await campaigns.CreateCouponTemplate(build.create_template(**template))
    return await campaigns.CreateAutomation(build.create_automation(segment.name, offer.name))


async def runs_of(campaigns: CampaignsServiceStub, automation: str) -> list[automations_pb2.AutomationRun]:
    answer = await campaigns.ListAutomationRuns(automations_pb2.ListAutomationRunsRequest(parent=automation))
    return list(answer.automation_runs)


async def test_who_enters_the_segment_gets_the_coupon(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    automation, member = await automated(campaigns), uuid.uuid4()
    await worker.take(build.order_paid(member), build.order_paid(member))
    (run,) = await runs_of(campaigns, automation.name)
    assert (run.member, run.skip_reason, run.rule_version) == (name("members", member), 0, 1)
    coupon = await campaigns.GetCoupon(coupons_pb2.GetCouponRequest(name=run.coupon))
    assert (coupon.member, coupon.cause) == (name("members", member), automation.name)


async def test_imported_history_gets_no_coupon(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    automation, member = await automated(campaigns), uuid.uuid4()
    await worker.take(build.order_paid(member, imported=True), build.order_paid(member, imported=True))
    assert await members_of(campaigns, automation.segment) == [name("members", member)]
    assert await runs_of(campaigns, automation.name) == []


async def test_a_skip_is_listed_with_its_reason(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    automation, member = await automated(campaigns, issue_limit=0), uuid.uuid4()
    await worker.take(build.order_paid(member), build.order_paid(member))
    (run,) = await runs_of(campaigns, automation.name)
    assert (run.coupon, run.skip_reason) == ("", errors_pb2.ERROR_REASON_ISSUE_LIMIT_REACHED)


async def test_an_automation_is_paused_and_resumed(campaigns: CampaignsServiceStub, worker: Worker) -> None:
    created = await automated(campaigns)
    assert created.state == automations_pb2.Automation.STATE_ACTIVE
    stale = automations_pb2.PauseAutomationRequest(name=created.name, etag='"7"')
    assert (await refused(campaigns.PauseAutomation(stale))).reason == "ETAG_MISMATCH"
    paused = await campaigns.PauseAutomation(
        automations_pb2.PauseAutomationRequest(name=created.name, etag=created.etag)
    )
    assert paused.state == automations_pb2.Automation.STATE_PAUSED
    member = uuid.uuid4()
    await worker.take(build.order_paid(member), build.order_paid(member))
    assert await runs_of(campaigns, created.name) == []
    resumed = await campaigns.ResumeAutomation(automations_pb2.ResumeAutomationRequest(name=created.name))
    assert resumed.state == automations_pb2.Automation.STATE_ACTIVE
    assert await campaigns.GetAutomation(automations_pb2.GetAutomationRequest(name=created.name)) == resumed
    listed = await campaigns.ListAutomations(automations_pb2.ListAutomationsRequest())
    assert list(listed.automations) == [resumed]


async def test_an_automation_needs_what_it_joins(campaigns: CampaignsServiceStub) -> None:
    created = await automated(campaigns)
    for request, reason in (
        (build.create_automation(name("segments"), created.coupon_template), "SEGMENT_NOT_FOUND"),
        (build.create_automation(created.segment, name("couponTemplates")), "COUPON_TEMPLATE_NOT_FOUND"),
    ):
        assert (await refused(campaigns.CreateAutomation(request))).reason == reason


async def test_an_unknown_automation_is_not_found(campaigns: CampaignsServiceStub) -> None:
    unknown = name("automations")
    for call in (
        campaigns.GetAutomation(automations_pb2.GetAutomationRequest(name=unknown)),
        campaigns.PauseAutomation(automations_pb2.PauseAutomationRequest(name=unknown)),
        campaigns.ListAutomationRuns(automations_pb2.ListAutomationRunsRequest(parent=unknown)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "AUTOMATION_NOT_FOUND")
