"""Facts of the domain as the events that go out (`protos/kehu/pipeline/v1/events.proto`)."""

from __future__ import annotations

from datetime import datetime
from functools import singledispatch

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney
from kehu.pipeline.v1 import events_pb2

from kit import names
from kit.money import Money
from kit.outbox import Event
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
    """The event that says a fact."""
    raise TypeError(f"{type(fact).__name__} is not published")


@to_event.register
def _lead_created(fact: LeadCreated) -> Event:
    lead = names.join("leads", fact.lead)
    message = events_pb2.LeadCreated(lead=lead, source=fact.source, create_time=_instant(fact.create_time))
    return _event(lead, fact.version, message)


@to_event.register
def _lead_assigned(fact: LeadAssigned) -> Event:
    lead = names.join("leads", fact.lead)
    owner = names.join("reps", fact.owner)
    message = events_pb2.LeadAssigned(lead=lead, owner=owner, assign_time=_instant(fact.assign_time))
    return _event(lead, fact.version, message)


@to_event.register
def _lead_converted(fact: LeadConverted) -> Event:
    lead = names.join("leads", fact.lead)
    message = events_pb2.LeadConverted(
        lead=lead,
        account=names.join("accounts", fact.account),
        contact=names.join("contacts", fact.contact),
        opportunity=names.join("opportunities", fact.opportunity),
        convert_time=_instant(fact.convert_time),
    )
    return _event(lead, fact.version, message)


@to_event.register
def _stage_changed(fact: OpportunityStageChanged) -> Event:
    opportunity = names.join("opportunities", fact.opportunity)
    message = events_pb2.OpportunityStageChanged(
        opportunity=opportunity,
        from_stage=fact.from_stage,
        to_stage=fact.to_stage,
        change_time=_instant(fact.change_time),
    )
    return _event(opportunity, fact.version, message)


@to_event.register
def _won(fact: OpportunityWon) -> Event:
    opportunity = names.join("opportunities", fact.opportunity)
    message = events_pb2.OpportunityWon(
        opportunity=opportunity,
        account=names.join("accounts", fact.account),
        quote=names.join("quotes", fact.quote),
        lines=[_line(line) for line in fact.lines],
        total=_money(fact.total),
        win_time=_instant(fact.win_time),
    )
    return _event(opportunity, fact.version, message)


def _line(line: SoldLine) -> events_pb2.WonLine:
    return events_pb2.WonLine(
        product=names.join("products", line.product), quantity=line.quantity, unit_price=_money(line.unit_price)
    )


def _event(subject: str, version: int, message: Message) -> Event:
    kind = message.DESCRIPTOR
    return Event(kind.name, kind.full_name, subject, version, MessageToJson(message, indent=None))


def _money(amount: Money) -> WireMoney:
    units, nanos = amount.to_wire()
    return WireMoney(currency_code=amount.currency, units=units, nanos=nanos)


def _instant(moment: datetime) -> Timestamp:
    wire = Timestamp()
    wire.FromDatetime(moment)
    return wire
