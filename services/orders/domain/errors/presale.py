"""Why presales refuse."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, precondition


def presale_not_found(presale: UUID) -> Fault:
    """No presale has this id."""
    name = names.join("presales", presale)
    return Fault(Kind.NOT_FOUND, "PRESALE_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def presale_not_open(presale: UUID, state: str, *, start: datetime, end: datetime) -> Fault:
    """Nobody can pay a deposit now, or the presale is over."""
    name, from_, to = names.join("presales", presale), start.isoformat(), end.isoformat()
    message = f"{name} is {state}: deposits are taken from {from_} to {to}"
    return precondition("PRESALE_NOT_OPEN", message, presale=name, state=state, start_time=from_, end_time=to)


def presale_not_eligible(presale: UUID, channel: str) -> Fault:
    """The presale is for other channels."""
    name = names.join("presales", presale)
    return precondition(
        "PRESALE_NOT_ELIGIBLE", f"{name} is not for the channel {channel}", presale=name, channel=channel
    )


def presale_sold_out(presale: UUID, *, requested: int, left: int) -> Fault:
    """Fewer units are left than are wanted."""
    name = names.join("presales", presale)
    message = f"{name}: {requested} units requested, {left} left"
    return precondition("PRESALE_SOLD_OUT", message, presale=name, requested=str(requested), left=str(left))


def presale_limit_reached(presale: UUID, *, limit: int, has: int) -> Fault:
    """The member would have more units than anybody may."""
    name = names.join("presales", presale)
    message = f"a member may have {limit} units of {name}, and has {has}"
    return precondition("PRESALE_LIMIT_REACHED", message, presale=name, limit=str(limit), has=str(has))


def balance_not_due(order: UUID, start: datetime) -> Fault:
    """The deposit is paid, and the window of the balance has not begun."""
    name, from_ = names.join("orders", order), start.isoformat()
    return precondition(
        "BALANCE_NOT_DUE", f"the balance of {name} can be paid from {from_} on", order=name, due_time=from_
    )
