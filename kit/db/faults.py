"""What the driver says, in the words of the house. Driver text goes to the log, never to a client."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from kit import errors
from kit.errors import Fault

Constraints = Mapping[str, Callable[[], Fault]]
"""What it means to a caller when a constraint of the schema refuses a row, by the constraint's name."""

RETRIED = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the transaction did nothing and may be run again."""

_UNAVAILABLE = ("08", "53", "57P")  # connection lost; out of connections, memory or disk; shutting down
_DATA = "22"  # data exceptions: NUL in a text, a number out of range
_STATEMENT_TIMEOUT = "57014"
_LOCK_TIMEOUT = "55P03"
_CONFLICTS = ("23505", "23P01", "40001", "40P01", _LOCK_TIMEOUT)


def translate(error: SQLAlchemyError | OSError, constraints: Constraints) -> Fault:
    """The Fault that a failed transaction ends in."""
    if isinstance(error, PoolTimeout):
        return errors.overloaded()
    if not isinstance(error, DBAPIError):
        return errors.unavailable("the database") if isinstance(error, OSError) else errors.internal()
    code, constraint = sqlstate(error), constraint_name(error)
    if constraint in constraints:
        return constraints[constraint]()
    if error.connection_invalidated or code.startswith(_UNAVAILABLE) or _unanswered(error, code):
        return errors.unavailable("the database")
    if code == _STATEMENT_TIMEOUT:
        return errors.deadline_exceeded()
    if code in _CONFLICTS:
        return errors.conflict()
    if code.startswith(_DATA):
        return errors.invalid("request", "has a value that can't be stored, such as a NUL character")
    return errors.internal()


def _unanswered(error: DBAPIError, code: str) -> bool:
    """Whether the server never said anything: it refused the connection, or is not there."""
    return not code and isinstance(error, OperationalError | InterfaceError)


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's five-letter code, or nothing when the error did not come from the server."""
    return str(getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or "")


def constraint_name(error: DBAPIError) -> str:
    """The constraint that refused a row, or nothing."""
    diagnostics = getattr(error.orig, "diag", None) or getattr(error.orig, "__cause__", None)
    return str(getattr(diagnostics, "constraint_name", None) or "")
