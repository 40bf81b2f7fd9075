"""Why programmes and their rules refuse."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation, invalid


def condition_invalid(field: str, position: int, description: str) -> Fault:
    """A rule's condition is no condition."""
    field = f"programme.{field}"
    return Fault(
        Kind.INVALID_ARGUMENT,
        "CONDITION_INVALID",
        f"{field}: at character {position}: {description}",
        metadata={"position": str(position)},
        violations=[Violation(field, f"at character {position}: {description}")],
    )


def programme_exists(programme: str) -> Fault:
    """There is a programme with this id already, active or not."""
    name = names.join("programmes", programme)
    return Fault(Kind.ALREADY_EXISTS, "PROGRAMME_EXISTS", f"{name} exists already", metadata={"name": name})


def programme_version_not_found(programme: str, version: int) -> Fault:
    """The programme has no such version."""
    name = names.join("programmes", programme, "versions", str(version))
    return Fault(Kind.NOT_FOUND, "PROGRAMME_VERSION_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def purchase_not_found(member: UUID, order: UUID) -> Fault:
    """The member has no such purchase, or the news of it has not come yet."""
    name = names.join("members", member, "purchases", order)
    return Fault(Kind.NOT_FOUND, "PURCHASE_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def currency_other(field: str, currency: str) -> Fault:
    """Amounts are in another currency than the programme's."""
    return invalid(field, f"must be in {currency}, like the programme")


def recalculation_not_found(recalculation: UUID) -> Fault:
    """There is no such recalculation."""
    name = names.join("recalculations", recalculation)
    return Fault(Kind.NOT_FOUND, "RECALCULATION_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def recalculation_running(programme: str) -> Fault:
    """Another recalculation of the programme is under way."""
    name = names.join("programmes", programme)
    return Fault(
        Kind.FAILED_PRECONDITION,
        "RECALCULATION_RUNNING",
        f"{name} is being recalculated; wait until that is done",
        metadata={"name": name},
    )
