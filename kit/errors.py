"""The one error type of the house: a `Fault` says what kind of refusal it is, why, and what the caller may do.

A service's `domain/errors.py` has one constructor per reason. Two tables, one in `kit.rpc` and one in
`kit.worker`, say what a kind means to a caller of gRPC and to a message in a queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What a refusal means, in the words of gRPC's status codes."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    INTERNAL = "INTERNAL"
    UNIMPLEMENTED = "UNIMPLEMENTED"


TRANSIENT = frozenset({Kind.UNAVAILABLE, Kind.ABORTED, Kind.DEADLINE_EXCEEDED, Kind.RESOURCE_EXHAUSTED, Kind.INTERNAL})
"""Kinds that may go away by themselves: a consumer tries the event again, later."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that the API does not allow, as a path such as `lines[2].quantity`."""

    field: str
    description: str


class Fault(Exception):
    """A refusal with a reason that programs can act on and a message for people.

    `metadata` repeats every dynamic part of the message. Neither may hold personal data or driver text.
    """

    def __init__(
        self,
        kind: Kind,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_after = retry_after

    @property
    def transient(self) -> bool:
        """Whether the same attempt may succeed later."""
        return self.kind in TRANSIENT

    def __repr__(self) -> str:
        return f"Fault({self.kind}, {self.reason}, {self.message!r})"


def invalid(field: str, description: str) -> Fault:
    """One field of the request can't be accepted; `description` completes "<field>: ..."."""
    return invalid_fields([Violation(field, description)])


def invalid_fields(violations: Sequence[Violation]) -> Fault:
    """Several fields of the request can't be accepted."""
    message = "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
    return Fault(Kind.INVALID_ARGUMENT, "REQUEST_INVALID", message, violations=violations)


def not_found(name: str) -> Fault:
    """The named resource does not exist."""
    return Fault(Kind.NOT_FOUND, "NOT_FOUND", f"{name} does not exist", metadata={"name": name})


def precondition(reason: str, message: str, **metadata: str) -> Fault:
    """What is asked for can't be done while things are as they are, whose names and values are the `metadata`."""
    return Fault(Kind.FAILED_PRECONDITION, reason, message, metadata=metadata)


def etag_mismatch(name: str) -> Fault:
    """The resource changed since the caller read it."""
    return Fault(Kind.ABORTED, "ETAG_MISMATCH", f"{name} has changed since it was read", metadata={"name": name})


def request_id_reused(request_id: str) -> Fault:
    """The same request id came with another request."""
    return Fault(
        Kind.INVALID_ARGUMENT,
        "REQUEST_ID_REUSED",
        "request_id was used for another request",
        metadata={"request_id": request_id},
        violations=[Violation("request_id", "was used for another request")],
    )


def conflict() -> Fault:
    """Two changes met, and the retries inside the service did not settle it."""
    return Fault(Kind.ABORTED, "CONFLICT", "another change was made at the same time; try again", retry_after=SOON)


def unavailable(what: str) -> Fault:
    """The database, the broker or a peer can't be reached; `what` names it without an address."""
    message = f"{what} can't be reached at the moment; try again with the same request_id"
    return Fault(Kind.UNAVAILABLE, "UNAVAILABLE", message, metadata={"dependency": what}, retry_after=SOON)


def overloaded() -> Fault:
    """More calls are under way than the process takes on."""
    message = "too many calls are under way; try again"
    return Fault(Kind.RESOURCE_EXHAUSTED, "OVERLOADED", message, retry_after=SOON)


def deadline_exceeded() -> Fault:
    """The deadline passed before the work was done."""
    return Fault(Kind.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the deadline passed before the work was done")


def method_unknown() -> Fault:
    """The service has no method of that name: a typing error, or a client that is newer."""
    return Fault(Kind.UNIMPLEMENTED, "METHOD_UNKNOWN", "the API has no such path or method")


def internal() -> Fault:
    """A fault of ours. Nothing of the inside is told; the log has it under the trace id."""
    return Fault(Kind.INTERNAL, "INTERNAL", "the service failed; its operators have been told")


SOON = timedelta(milliseconds=200)
"""How long a caller waits before it tries a passing fault again, before its own jitter."""
