"""Why pipeline refuses: one constructor per reason of `kehu.pipeline.v1.ErrorReason`."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, invalid


def empty(field: str) -> Fault:
    """A field that says what something is says nothing."""
    return invalid(field, "must not be empty")


def account_cycle(account: UUID) -> Fault:
    """The new parent is the account itself, or stands below it."""
    name = names.join("accounts", account)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "ACCOUNT_CYCLE",
        f"the parent of {name} must not stand below it",
        metadata={"account": name},
    )


def lead_closed(lead: UUID, state: str) -> Fault:
    """The lead was converted or given up before."""
    name = names.join("leads", lead)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "LEAD_CLOSED",
        f"{name} is {state.lower()} already",
        metadata={"lead": name, "state": state},
    )


def opportunity_closed(opportunity: UUID, stage: str) -> Fault:
    """The opportunity was won or lost before."""
    name = names.join("opportunities", opportunity)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "OPPORTUNITY_CLOSED",
        f"{name} is {stage.lower()} already",
        metadata={"opportunity": name, "stage": stage},
    )


def stage_step_unknown(from_stage: str, to_stage: str) -> Fault:
    """The table of stages has no such step."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "STAGE_STEP_UNKNOWN",
        f"there is no step from {from_stage} to {to_stage}",
        metadata={"from_stage": from_stage, "to_stage": to_stage},
    )


def stage_gate_shut(stage: str, missing: Sequence[str]) -> Fault:
    """The opportunity lacks something that the stage needs."""
    lacking = ", ".join(missing)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "STAGE_GATE_SHUT",
        f"{stage} needs {lacking}",
        metadata={"stage": stage, "missing": lacking},
    )


def stage_reason_missing(from_stage: str, to_stage: str) -> Fault:
    """To skip a stage or to go back takes a reason."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "STAGE_REASON_MISSING",
        f"the step from {from_stage} to {to_stage} needs a reason",
        metadata={"from_stage": from_stage, "to_stage": to_stage},
    )


def quote_of_another_opportunity(quote: UUID) -> Fault:
    """The quote is for another opportunity."""
    name = names.join("quotes", quote)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "QUOTE_OF_ANOTHER_OPPORTUNITY",
        f"{name} is for another opportunity",
        metadata={"quote": name},
    )


def quote_not_offered(quote: UUID, state: str) -> Fault:
    """The quote was accepted or superseded before."""
    name = names.join("quotes", quote)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "QUOTE_NOT_OFFERED",
        f"{name} is {state.lower()} already",
        metadata={"quote": name, "state": state},
    )


def quote_expired(quote: UUID) -> Fault:
    """The time for accepting the quote is over."""
    name = names.join("quotes", quote)
    return Fault(
        Kind.FAILED_PRECONDITION, "QUOTE_EXPIRED", f"{name} can no longer be accepted", metadata={"quote": name}
    )


def quote_content_differs(quote: UUID) -> Fault:
    """What is kept of the quote, or what the customer saw of it, is not what the hash was made of."""
    name = names.join("quotes", quote)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "QUOTE_CONTENT_DIFFERS",
        f"the content of {name} is not what was agreed to",
        metadata={"quote": name},
    )
