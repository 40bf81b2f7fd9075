"""A season of B2B sales: two dozen leads, fewer at every stage, some won. It gives the funnel its shape."""

from __future__ import annotations

from collections.abc import Sequence

from kehu.pipeline.v1 import lead_pb2, opportunity_pb2, pipeline_pb2_grpc

from cli.demo import deal
from cli.demo.scene import Check, Scene, once
from cli.demo.shop import put_on_sale

_LEADS = 24
# How many of the leads come so far: they become opportunities, and these move on to the next stages.
_CONVERTED, _DEVELOPED, _PROPOSED, _NEGOTIATED, _WON = 18, 14, 10, 7, 4
_SOURCES = ("webform", "fair", "referral", "phone")


def play(scene: Scene) -> None:
    """The season. Its steps are those of the deal, which checks them one by one."""
    quiet = Scene(scene.gateway, scene.token, _nothing)
    quiet.post("reps", {"displayName": "Zhang Wei"}, request_id=once())
    opportunities = [deal.convert(quiet, lead)["opportunity"] for lead in _capture(quiet)[:_CONVERTED]]
    _move(quiet, opportunities)
    product = put_on_sale(quiet, title="Grinder", price=90_000, stock=_WON * deal.UNITS)
    for opportunity in opportunities[:_WON]:
        deal.win(quiet, opportunity, deal.offer(quiet, opportunity, product))
    failed = [check for check in quiet.checks if not check.holds]
    scene.check(
        f"a season of {_LEADS} leads ends with {_WON} deals won",
        not failed,
        [f"{check.title}: {check.seen}" for check in failed[:2]],
    )


def _nothing(_: Check) -> None:
    """One check for the whole season is enough to read."""


def _capture(scene: Scene) -> list[str]:
    names = []
    with scene.channel() as channel:
        stub = pipeline_pb2_grpc.PipelineServiceStub(channel)
        for number in range(_LEADS):
            key = once()[:8]
            lead = lead_pb2.Lead(
                source=_SOURCES[number % len(_SOURCES)],
                display_name=f"Buyer {number + 1}",
                company_name=f"Roastery {key}",
                email=f"{key}@example.com",
            )
            captured = stub.CaptureLead(
                lead_pb2.CaptureLeadRequest(lead=lead, request_id=once()), metadata=scene.metadata
            )
            names.append(str(captured.lead.name))
    return names


def _move(scene: Scene, opportunities: Sequence[str]) -> None:
    with scene.channel() as channel:
        stub = pipeline_pb2_grpc.PipelineServiceStub(channel)
        for stage, count in zip(deal.STAGES, (_DEVELOPED, _PROPOSED, _NEGOTIATED), strict=True):
            for opportunity in opportunities[:count]:
                request = opportunity_pb2.MoveOpportunityRequest(name=opportunity, stage=stage, request_id=once())
                stub.MoveOpportunity(request, metadata=scene.metadata)
