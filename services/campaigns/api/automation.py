"""Automations and their runs, on the wire and inside."""

from __future__ import annotations

from kehu.campaigns.v1 import automations_pb2 as pb
from kehu.campaigns.v1 import errors_pb2

from kit import names
from kit.rpc.convert import etag, expected_version, wire_instant
from services.campaigns.domain.automation import Automation, Run, State
from services.campaigns.usecases.automation import Create, Turn


def create(request: pb.CreateAutomationRequest) -> Create:
    """Read a request for a new automation."""
    wire = request.automation
    return Create(
        id=names.new_id(),
        display_name=wire.display_name,
        segment=names.id_of("segments", wire.segment, field="automation.segment"),
        template=names.id_of("couponTemplates", wire.coupon_template, field="automation.coupon_template"),
    )


def turn(request: pb.PauseAutomationRequest | pb.ResumeAutomationRequest) -> Turn:
    """Read a request to pause or resume an automation."""
    state = State.PAUSED if isinstance(request, pb.PauseAutomationRequest) else State.ACTIVE
    return Turn(names.id_of("automations", request.name), expected_version(request.etag), state)


def render(automation: Automation) -> pb.Automation:
    """Write an automation."""
    return pb.Automation(
        name=automation.name,
        display_name=automation.display_name,
        segment=names.join("segments", automation.segment),
        coupon_template=names.join("couponTemplates", automation.template),
        state=pb.Automation.State.Value(f"STATE_{automation.state}"),
        create_time=wire_instant(automation.create_time),
        update_time=wire_instant(automation.update_time),
        etag=etag(automation.version),
    )


def render_run(run: Run) -> pb.AutomationRun:
    """Write what an automation did."""
    return pb.AutomationRun(
        name=names.join("automations", run.automation, "runs", run.id),
        member=names.join("members", run.member),
        coupon="" if run.coupon is None else names.join("coupons", run.coupon),
        skip_reason=errors_pb2.ErrorReason.Value(f"ERROR_REASON_{run.skip_reason or 'UNSPECIFIED'}"),
        rule_version=run.rule_version,
        run_time=wire_instant(run.time),
    )
