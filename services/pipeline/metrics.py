"""What pipeline counts. Counters count what was committed, in the process that committed it: add them up. Gauges are of
the whole service, told by each process that looks: take the greatest."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from kit.telemetry import counting
from services.pipeline.domain.events import LeadCreated, LeadDecided, OpportunityStageChanged, OpportunityWon

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

CAPTURED = Counter("leads_captured_total", "Leads that came in; repeats of an open one are not counted.")
DECIDED = Counter("leads_decided_total", "Leads by what became of them: converted, disqualified.", ["outcome"])
RESPONSE = Histogram(
    "lead_response_seconds",
    "From a lead's capture until somebody decided about it: it was converted or disqualified.",
    buckets=(
        *(each * _MINUTE for each in (1, 5, 15, 30)),
        *(each * _HOUR for each in (1, 2, 4, 8, 24)),
        *(each * _DAY for each in (2, 3, 7, 14, 30)),
    ),
)
WAITING = Gauge("leads_unassigned", "Open leads without an owner.")
STAGES = Counter("opportunity_stage_changes_total", "Opportunities that came to a stage.", ["stage"])
OPEN = Gauge("opportunities_open", "Opportunities by the open stage that they are in.", ["stage"])
WON = Counter("opportunities_won_total", "Opportunities that were won.")
WON_MINOR = Counter("opportunities_won_minor_total", "What won opportunities are worth, in minor units.", ["currency"])


def _decided(fact: LeadDecided) -> None:
    DECIDED.labels(fact.outcome).inc()
    RESPONSE.observe((fact.decide_time - fact.create_time).total_seconds())


def _won(fact: OpportunityWon) -> None:
    WON.inc()
    WON_MINOR.labels(fact.total.currency).inc(fact.total.minor)


count = counting(
    {
        LeadCreated: lambda _: CAPTURED.inc(),
        LeadDecided: _decided,
        OpportunityStageChanged: lambda fact: STAGES.labels(fact.to_stage).inc(),
        OpportunityWon: _won,
    }
)
"""Counts what a transaction did, once it is committed."""
