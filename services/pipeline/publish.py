"""Facts of pipeline as the events that go out: proto JSON of the messages in `kehu/pipeline/v1/events.proto`."""

from __future__ import annotations

from functools import singledispatch

from kit.names import join
from kit.outbox import Event
from kit.wire import instant, money
from services.pipeline.domain.events import (
    LeadAssigned,
    LeadConverted,
    LeadCreated,
    OpportunityStageChanged,
    OpportunityWon,
    SoldLine,
)


@singledispatch
def to_event(fact: object) -> Event:
    """The event that tells a fact."""
    raise TypeError(f"{type(fact).__name__} is not published")


@to_event.register
def _lead_created(fact: LeadCreated) -> Event:
    lead = join("leads", fact.lead)
    body = {"lead": lead, "source": fact.source, "createTime": instant(fact.create_time)}
    return Event.of("kehu.pipeline.v1.LeadCreated", lead, fact.version, body)


@to_event.register
def _lead_assigned(fact: LeadAssigned) -> Event:
    lead = join("leads", fact.lead)
    body = {"lead": lead, "owner": join("reps", fact.owner), "assignTime": instant(fact.assign_time)}
    return Event.of("kehu.pipeline.v1.LeadAssigned", lead, fact.version, body)


@to_event.register
def _lead_converted(fact: LeadConverted) -> Event:
    lead = join("leads", fact.lead)
    body = {
        "lead": lead,
        "account": join("accounts", fact.account),
        "contact": join("contacts", fact.contact),
        "opportunity": join("opportunities", fact.opportunity),
        "convertTime": instant(fact.convert_time),
    }
    return Event.of("kehu.pipeline.v1.LeadConverted", lead, fact.version, body)


@to_event.register
def _stage_changed(fact: OpportunityStageChanged) -> Event:
    opportunity = join("opportunities", fact.opportunity)
    body = {
        "opportunity": opportunity,
        "fromStage": fact.from_stage,
        "toStage": fact.to_stage,
        "changeTime": instant(fact.change_time),
    }
    return Event.of("kehu.pipeline.v1.OpportunityStageChanged", opportunity, fact.version, body)


@to_event.register
def _won(fact: OpportunityWon) -> Event:
    opportunity = join("opportunities", fact.opportunity)
    body = {
        "opportunity": opportunity,
        "account": join("accounts", fact.account),
        "quote": join("quotes", fact.quote),
        "lines": [_line(line) for line in fact.lines],
        "total": money(fact.total),
        "winTime": instant(fact.win_time),
        "org": fact.org,
    }
    return Event.of("kehu.pipeline.v1.OpportunityWon", opportunity, fact.version, body)


def _line(line: SoldLine) -> dict[str, object]:
    price = money(line.unit_price)
    return {"product": join("products", line.product), "quantity": str(line.quantity), "unitPrice": price}
