"""One constructor per reason; the reasons stand in `protos/kehu/members/v1/errors.proto`."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation


def member_not_found(member: UUID | None = None) -> Fault:
    """There is no such member; `None` when it was looked up by something personal."""
    name = names.join("members", member) if member else ""
    metadata = {"name": name} if name else {}
    return Fault(Kind.NOT_FOUND, "MEMBER_NOT_FOUND", f"there is no such member {name}".rstrip(), metadata=metadata)


def hold_not_found(member: UUID, hold: UUID) -> Fault:
    """The member has no such hold."""
    name = names.join("members", member, "holds", hold)
    return Fault(Kind.NOT_FOUND, "HOLD_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def programme_not_found(programme: str) -> Fault:
    """There is no such programme."""
    name = names.join("programmes", programme)
    return Fault(Kind.NOT_FOUND, "PROGRAMME_NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def identifier_taken(kind: str) -> Fault:
    """An identifier of this kind belongs to another member. Whose it is, or what it is, is not told."""
    message = f"the {kind} belongs to another member"
    return Fault(Kind.ALREADY_EXISTS, "IDENTIFIER_TAKEN", message, metadata={"identifier": kind})


def phone_invalid(field: str) -> Fault:
    """The text is no phone number in international form."""
    return _field("PHONE_INVALID", field, "must be a valid phone number in international form, such as +8613800138000")


def email_invalid(field: str) -> Fault:
    """The text is no e-mail address."""
    return _field("EMAIL_INVALID", field, "must be an e-mail address")


def text_invalid(field: str, limit: int) -> Fault:
    """The text is too long or has control characters."""
    return _field("TEXT_INVALID", field, f"must have at most {limit} characters, none of them a control character")


def identity_missing(field: str) -> Fault:
    """An identity needs a channel and an external id."""
    return _field("IDENTITY_MISSING", field, "must not be empty")


def points_insufficient(*, available: int, asked: int) -> Fault:
    """There are fewer points than are to be spent or held."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "POINTS_INSUFFICIENT",
        f"{asked} points are asked for, {available} are available",
        metadata={"asked": str(asked), "available": str(available)},
    )


def hold_ended(hold: UUID, state: str) -> Fault:
    """The hold came to another end than the one asked for."""
    metadata = {"hold": str(hold), "state": state}
    return Fault(Kind.FAILED_PRECONDITION, "HOLD_ENDED", f"the hold is {state.lower()} already", metadata=metadata)


def hold_expired(hold: UUID) -> Fault:
    """The hold's time is over."""
    message = "the hold ran out of time; place a new one"
    return Fault(Kind.FAILED_PRECONDITION, "HOLD_EXPIRED", message, metadata={"hold": str(hold)})


def hold_exceeded(*, held: int, asked: int) -> Fault:
    """More is to be confirmed than was held."""
    return Fault(
        Kind.FAILED_PRECONDITION,
        "HOLD_EXCEEDED",
        f"{asked} points are to be confirmed, {held} are held",
        metadata={"asked": str(asked), "held": str(held)},
    )


def programme_invalid(field: str, description: str) -> Fault:
    """The rules of a programme contradict each other."""
    return _field("PROGRAMME_INVALID", f"programme.{field}", description)


def points_out_of_range(points: int) -> Fault:
    """One posting would move more points than an account is made for."""
    return Fault(
        Kind.OUT_OF_RANGE,
        "POINTS_OUT_OF_RANGE",
        f"{points} points are more than one posting may move",
        metadata={"points": str(points)},
    )


def _field(reason: str, field: str, description: str) -> Fault:
    return Fault(Kind.INVALID_ARGUMENT, reason, f"{field}: {description}", violations=[Violation(field, description)])
