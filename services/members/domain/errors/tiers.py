"""Refusals about tiers and growth value."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation


def tier_not_found(tier: str) -> Fault:
    """The programme has no such tier."""
    return Fault(Kind.NOT_FOUND, "TIER_NOT_FOUND", f"the programme has no tier {tier}", metadata={"tier": tier})


def tier_override_ended() -> Fault:
    """A tier was to be given until a moment that is over."""
    description = "must be in the future"
    return Fault(
        Kind.INVALID_ARGUMENT,
        "TIER_OVERRIDE_ENDED",
        f"end_time: {description}",
        violations=[Violation("end_time", description)],
    )


def tier_override_missing(member: UUID) -> Fault:
    """There is no override to end."""
    name = names.join("members", member)
    message = f"{name} has no tier that was given by hand"
    return Fault(Kind.FAILED_PRECONDITION, "TIER_OVERRIDE_MISSING", message, metadata={"name": name})


def growth_insufficient(*, value: int, asked: int) -> Fault:
    """There is less growth value than is to be deducted."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "GROWTH_INSUFFICIENT",
        f"{asked} of growth value are to be deducted, {value} are there",
        metadata={"asked": str(asked), "value": str(value)},
    )


def growth_time_invalid() -> Fault:
    """Growth value was to count from the future on."""
    description = "must not be in the future"
    return Fault(
        Kind.INVALID_ARGUMENT,
        "GROWTH_TIME_INVALID",
        f"effective_time: {description}",
        violations=[Violation("effective_time", description)],
    )
