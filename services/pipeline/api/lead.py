"""Leads on the wire, with their assignment and conversion."""

from __future__ import annotations

from kehu.pipeline.v1 import lead_pb2 as pb

from kit import names, org
from kit.rpc.convert import etag, money, wire_instant
from services.pipeline.api import account, contact, opportunity
from services.pipeline.api.convert import day, optional_id, optional_name, version
from services.pipeline.domain import keys
from services.pipeline.domain.assignment import Assignment, Candidate
from services.pipeline.domain.lead import Lead, LeadState
from services.pipeline.usecases.conversion import Converted, ConvertLead, NewIds
from services.pipeline.usecases.lead import Captured, CaptureLead, DisqualifyLead

_STATE = "LEAD_STATE_"
_STANDING = "CANDIDATE_STANDING_"


def capture(request: pb.CaptureLeadRequest, *, home_region: str) -> CaptureLead:
    """Read what is known of a lead."""
    lead = request.lead
    return CaptureLead(
        id=names.new_id(),
        source=lead.source,
        display_name=lead.display_name,
        company_name=lead.company_name,
        phone=keys.e164(lead.phone, region=request.region_code or home_region, field="lead.phone"),
        email=keys.mailbox(lead.email),
        note=lead.note,
        org=org.parse(lead.org, field="lead.org"),
    )


def convert(request: pb.ConvertLeadRequest, *, by: str, part: str = "") -> ConvertLead:
    """Read a request to convert a lead. `part` is the part of the organisation that the caller sees; empty: all."""
    return ConvertLead(
        id=names.id_of("leads", request.name),
        by=by,
        new=NewIds(names.new_id(), names.new_id(), names.new_id()),
        account=optional_id("accounts", request.account, field="account"),
        opportunity_display_name=request.opportunity_display_name,
        amount=money(request.amount) if request.HasField("amount") else None,
        close_date=day(request.close_date, field="close_date") if request.HasField("close_date") else None,
        role=contact.role(request.role),
        influence=request.influence,
        version=version(request),
        org=part,
    )


def disqualify(request: pb.DisqualifyLeadRequest) -> DisqualifyLead:
    """Read a request to give up a lead."""
    return DisqualifyLead(names.id_of("leads", request.name), request.reason, version(request))


def state(wire: pb.LeadState.ValueType) -> LeadState | None:
    """Read a state to look for; None for every state."""
    return LeadState(pb.LeadState.Name(wire).removeprefix(_STATE)) if wire else None


def render(lead: Lead) -> pb.Lead:
    """Show a lead."""
    return pb.Lead(
        name=names.join("leads", lead.id),
        source=lead.source,
        display_name=lead.display_name,
        company_name=lead.company_name,
        phone=lead.phone,
        email=lead.email,
        note=lead.note,
        state=pb.LeadState.Value(_STATE + lead.state),
        owner=optional_name("reps", lead.owner),
        account=optional_name("accounts", lead.account),
        contact=optional_name("contacts", lead.contact),
        opportunity=optional_name("opportunities", lead.opportunity),
        disqualify_reason=lead.disqualify_reason,
        create_time=wire_instant(lead.create_time),
        update_time=wire_instant(lead.update_time),
        org=lead.org,
        etag=etag(lead.version),
    )


def captured(outcome: Captured, *, may_read: bool, part: str = "") -> pb.CaptureLeadResponse:
    """Show what became of a lead that came in.

    Whoever may only send leads, or does not see the part of the organisation that a lead belongs to, learns of one that
    was there no more than its name, state and owner: else a telephone number would be enough to ask for the rest of a
    person.
    """
    lead = render(outcome.lead)
    if outcome.duplicate and not (may_read and org.within(outcome.lead.org, part)):
        lead = pb.Lead(name=lead.name, state=lead.state, owner=lead.owner)
    return pb.CaptureLeadResponse(lead=lead, duplicate=outcome.duplicate)


def converted(outcome: Converted) -> pb.ConvertLeadResponse:
    """Show what a lead became."""
    return pb.ConvertLeadResponse(
        lead=render(outcome.lead),
        account=account.render(outcome.account),
        contact=contact.render(outcome.contact),
        opportunity=opportunity.render(outcome.opportunity),
        account_reused=outcome.account_reused,
        contact_reused=outcome.contact_reused,
    )


def assignment(found: Assignment) -> pb.Assignment:
    """Show how a lead came to its owner."""
    choice = found.choice
    return pb.Assignment(
        name=names.join("leads", found.lead, "assignment"),
        owner=names.join("reps", choice.owner),
        rule=choice.rule,
        period=choice.period,
        sequence=choice.sequence,
        reason=choice.reason,
        candidates=[_candidate(candidate) for candidate in choice.candidates],
        assign_time=wire_instant(found.assign_time),
    )


def _candidate(candidate: Candidate) -> pb.Candidate:
    return pb.Candidate(
        rep=names.join("reps", candidate.rep),
        weight=candidate.weight,
        given_count=candidate.given,
        standing=pb.CandidateStanding.Value(_STANDING + candidate.standing),
    )
