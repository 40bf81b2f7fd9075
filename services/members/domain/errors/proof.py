"""Why the ledger's readings and corrections refuse."""

from __future__ import annotations

from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation


def adjustment_invalid(field: str, description: str) -> Fault:
    """A row of adjustments can't be used."""
    violations = [Violation(field, description)]
    return Fault(Kind.INVALID_ARGUMENT, "ADJUSTMENT_INVALID", f"{field}: {description}", violations=violations)


def adjustment_row_reused(row_id: str) -> Fault:
    """The row's id was used for another row."""
    message = "row_id was used for another member or programme, or other points"
    return Fault(Kind.ALREADY_EXISTS, "ADJUSTMENT_ROW_REUSED", message, metadata={"row_id": row_id})


def account_unit_not_found(member: UUID, unit: str) -> Fault:
    """The member has no accounts in this unit."""
    name = names.join("members", member)
    message = f"{name} has no accounts in the unit {unit!r}"
    return Fault(Kind.NOT_FOUND, "ACCOUNT_UNIT_NOT_FOUND", message, metadata={"name": name, "unit": unit})
