"""Why flash sales refuse."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind


def flash_sale_not_found(sale: UUID) -> Fault:
    """No flash sale has this id."""
    name = names.join("flashSales", sale)
    return Fault(Kind.NOT_FOUND, "FLASH_SALE_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def flash_sale_not_open(sale: UUID, state: str, *, start: datetime, end: datetime) -> Fault:
    """Nothing can be bought now."""
    name, from_, to = names.join("flashSales", sale), start.isoformat(), end.isoformat()
    message = f"{name} is {state}: it sells from {from_} to {to}"
    return _refused("FLASH_SALE_NOT_OPEN", message, sale, state=state, start_time=from_, end_time=to)


def flash_sale_sold_out(sale: UUID) -> Fault:
    """Fewer units are free than were asked for."""
    message = f"{names.join('flashSales', sale)} has too few free units"
    return _refused("FLASH_SALE_SOLD_OUT", message, sale)


def flash_sale_limit_reached(sale: UUID, *, limit: int, bought: int, order: UUID | None = None) -> Fault:
    """The member may not buy so many units."""
    said = {"order": names.join("orders", order)} if order else {}
    message = f"a member may buy {limit} units, and has {bought}"
    return _refused("FLASH_SALE_LIMIT_REACHED", message, sale, limit=str(limit), bought=str(bought), **said)


def flash_sale_not_eligible(sale: UUID, **why: str) -> Fault:
    """The sale is for other channels or tiers."""
    said = ", ".join(f"{what} {which}" for what, which in why.items())
    return _refused("FLASH_SALE_NOT_ELIGIBLE", f"the sale is not for {said}", sale, **why)


def waiting_ticket_invalid(sale: UUID, why: str) -> Fault:
    """The ticket lets nobody in."""
    return _refused("WAITING_TICKET_INVALID", f"the ticket of the waiting room {why}", sale)


def waiting_ticket_early(sale: UUID, admit_time: datetime, now: datetime) -> Fault:
    """The ticket is not good yet."""
    at = admit_time.isoformat()
    return Fault(
        Kind.FAILED_PRECONDITION,
        "WAITING_TICKET_EARLY",
        f"the ticket of the waiting room is good from {at} on",
        metadata={"flash_sale": names.join("flashSales", sale), "admit_time": at},
        retry_after=admit_time - now,
    )


def flash_sale_quota_taken(sale: UUID, *, quota: int, least: int) -> Fault:
    """The quota can't shrink so far."""
    message = f"the quota can't be {quota}: {least} units are held or sold, or share a bucket with such"
    return _refused("FLASH_SALE_QUOTA_TAKEN", message, sale, quota=str(quota), least=str(least))


def flash_sale_state_invalid(sale: UUID, state: str) -> Fault:
    """The sale is over, or has begun, and can't be changed in this way."""
    message = f"{names.join('flashSales', sale)} is {state} and can't be changed in this way"
    return _refused("FLASH_SALE_STATE_INVALID", message, sale, state=state)


def no_waiting_room(sale: UUID) -> Fault:
    """The sale has no waiting room."""
    return _refused("NO_WAITING_ROOM", f"{names.join('flashSales', sale)} has no waiting room", sale)


def _refused(reason: str, message: str, sale: UUID, **metadata: str) -> Fault:
    metadata["flash_sale"] = names.join("flashSales", sale)
    return Fault(Kind.FAILED_PRECONDITION, reason, message, metadata=metadata)
