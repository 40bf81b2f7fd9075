"""Why something about a member's identity is refused."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation


def birthday_invalid(field: str) -> Fault:
    """The text is no day of the calendar."""
    return _field("BIRTHDAY_INVALID", field, "must be a day of the calendar; the year may be 0")


def org_invalid(field: str) -> Fault:
    """The text is no path of the organisation."""
    return _field("ORG_INVALID", field, "must be a path such as /cn/east/shanghai, of at most 10 parts")


def field_masked(field: str) -> Fault:
    """What is to be stored is what a masked reading has shown."""
    return _field("FIELD_MASKED", field, "is the masked form of what is stored; leave it out of the update mask")


def loyalty_card_not_found(member: UUID, ordinal: int) -> Fault:
    """The member has no such card."""
    name = names.join("members", member, "loyaltyCards", str(ordinal))
    return Fault(Kind.NOT_FOUND, "LOYALTY_CARD_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def loyalty_card_ended() -> Fault:
    """The card leads to nobody any more."""
    return Fault(Kind.FAILED_PRECONDITION, "LOYALTY_CARD_ENDED", "the card was blocked or replaced")


def member_erased(member: UUID) -> Fault:
    """The person was forgotten; nothing can be known of them again."""
    name = names.join("members", member)
    return Fault(Kind.FAILED_PRECONDITION, "MEMBER_ERASED", f"{name} was erased", metadata={"name": name})


def limit_exceeded(what: str, limit: int) -> Fault:
    """A member would have too many of something."""
    metadata = {"what": what, "limit": str(limit)}
    return Fault(Kind.FAILED_PRECONDITION, "LIMIT_EXCEEDED", f"a member has at most {limit} {what}", metadata=metadata)


def merge_invalid(description: str) -> Fault:
    """These two can't be merged."""
    return Fault(Kind.FAILED_PRECONDITION, "MERGE_INVALID", description, metadata={"cause": description})


def merge_not_found(merge: UUID) -> Fault:
    """There was no such merge."""
    name = names.join("merges", merge)
    return Fault(Kind.NOT_FOUND, "MERGE_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def unmerge_expired(merge: UUID) -> Fault:
    """A merge can be undone for a while only."""
    name = names.join("merges", merge)
    message = f"{name} is too old to be undone"
    return Fault(Kind.FAILED_PRECONDITION, "UNMERGE_EXPIRED", message, metadata={"name": name})


def unmerge_blocked(description: str) -> Fault:
    """What has happened since the merge can't be taken apart."""
    return Fault(Kind.FAILED_PRECONDITION, "UNMERGE_BLOCKED", description, metadata={"cause": description})


def _field(reason: str, field: str, description: str) -> Fault:
    return Fault(Kind.INVALID_ARGUMENT, reason, f"{field}: {description}", violations=[Violation(field, description)])
