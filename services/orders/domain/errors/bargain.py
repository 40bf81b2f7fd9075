"""Why bargains and haggles refuse."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, precondition


def bargain_not_found(bargain: UUID) -> Fault:
    """No bargain has this id."""
    name = names.join("bargains", bargain)
    return Fault(Kind.NOT_FOUND, "BARGAIN_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def bargain_not_open(bargain: UUID, state: str, *, start: datetime, end: datetime) -> Fault:
    """Nobody can begin to haggle now."""
    name, from_, to = names.join("bargains", bargain), start.isoformat(), end.isoformat()
    message = f"{name} is {state}: haggles begin from {from_} to {to}"
    return precondition("BARGAIN_NOT_OPEN", message, bargain=name, state=state, start_time=from_, end_time=to)


def haggle_not_found(name: str) -> Fault:
    """No haggle has this name, or it is somebody else's."""
    return Fault(Kind.NOT_FOUND, "HAGGLE_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def haggle_state_invalid(name: str, state: str) -> Fault:
    """The haggle is over, ordered, or at its floor."""
    return precondition("HAGGLE_STATE_INVALID", f"{name} is {state}", haggle=name, state=state)


def haggle_cut_already(name: str, helper: UUID) -> Fault:
    """The helper has cut the price once."""
    by = names.join("members", helper)
    return precondition("HAGGLE_CUT_ALREADY", f"{by} has cut the price of {name}", haggle=name, member=by)
