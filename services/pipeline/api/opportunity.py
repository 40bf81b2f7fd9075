"""Opportunities and their history on the wire."""

from __future__ import annotations

from kehu.pipeline.v1 import opportunity_pb2 as pb

from kit import names, org
from kit.rpc.convert import etag, money, wire_instant, wire_money
from services.pipeline.api.convert import Readers, changes, day, fields, optional_id, optional_name, version, wire_day
from services.pipeline.domain.opportunity import Opportunity, StageChange
from services.pipeline.usecases.opportunity import (
    CreateOpportunity,
    LoseOpportunity,
    MoveOpportunity,
    UpdateOpportunity,
    WinOpportunity,
)

_READERS: Readers[pb.Opportunity] = {
    "display_name": lambda wire: wire.display_name,
    "contact": lambda wire: optional_id("contacts", wire.contact, field="opportunity.contact"),
    "owner": lambda wire: optional_id("reps", wire.owner, field="opportunity.owner"),
    "org": lambda wire: org.parse(wire.org, field="opportunity.org"),
    "amount": lambda wire: money(wire.amount, field="opportunity.amount") if wire.HasField("amount") else None,
    "close_date": lambda wire: (
        day(wire.close_date, field="opportunity.close_date") if wire.HasField("close_date") else None
    ),
}
_OUTPUT_ONLY = ("stage", "stage_time", "lead", "quote", "order", "loss_reason", "competitor")


def create(request: pb.CreateOpportunityRequest, *, by: str) -> CreateOpportunity:
    """Read a request to add an opportunity."""
    opportunity = request.opportunity
    account = names.id_of("accounts", opportunity.account, field="opportunity.account")
    return CreateOpportunity(names.new_id(), by, account, fields(opportunity, _READERS))


def update(request: pb.UpdateOpportunityRequest, *, by: str) -> UpdateOpportunity:
    """Read a request to change an opportunity."""
    opportunity = request.opportunity
    id = names.id_of("opportunities", opportunity.name, field="opportunity.name")  # noqa: A001 - the field's name
    touched = changes(opportunity, request.update_mask, _READERS, output_only=_OUTPUT_ONLY)
    return UpdateOpportunity(id, by, touched, version(opportunity))


def move(request: pb.MoveOpportunityRequest, *, by: str) -> MoveOpportunity:
    """Read a request to move an opportunity."""
    return MoveOpportunity(
        names.id_of("opportunities", request.name), by, request.stage, request.reason, version(request)
    )


def win(request: pb.WinOpportunityRequest, *, by: str) -> WinOpportunity:
    """Read a request to win an opportunity."""
    quote = names.id_of("quotes", request.quote, field="quote")
    return WinOpportunity(names.id_of("opportunities", request.name), by, quote, request.reason, version(request))


def lose(request: pb.LoseOpportunityRequest, *, by: str) -> LoseOpportunity:
    """Read a request to lose an opportunity."""
    return LoseOpportunity(
        names.id_of("opportunities", request.name), by, request.reason, request.competitor, version(request)
    )


def render(opportunity: Opportunity) -> pb.Opportunity:
    """Show an opportunity."""
    return pb.Opportunity(
        name=names.join("opportunities", opportunity.id),
        display_name=opportunity.display_name,
        account=names.join("accounts", opportunity.account),
        contact=optional_name("contacts", opportunity.contact),
        owner=optional_name("reps", opportunity.owner),
        amount=wire_money(opportunity.amount) if opportunity.amount is not None else None,
        close_date=wire_day(opportunity.close_date),
        stage=opportunity.stage,
        stage_time=wire_instant(opportunity.stage_time),
        lead=optional_name("leads", opportunity.lead),
        quote=optional_name("quotes", opportunity.quote),
        order=optional_name("orders", opportunity.order),
        loss_reason=opportunity.loss_reason,
        competitor=opportunity.competitor,
        create_time=wire_instant(opportunity.create_time),
        update_time=wire_instant(opportunity.update_time),
        org=opportunity.org,
        etag=etag(opportunity.version),
    )


def step(change: StageChange) -> pb.StageChange:
    """Show a step of the history."""
    return pb.StageChange(
        name=names.join("opportunities", change.opportunity, "stageChanges", str(change.number)),
        from_stage=change.from_stage,
        to_stage=change.to_stage,
        change_time=wire_instant(change.change_time),
        changed_by=change.changed_by,
        amount=wire_money(change.amount) if change.amount is not None else None,
        reason=change.reason,
    )
