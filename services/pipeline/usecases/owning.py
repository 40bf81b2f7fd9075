"""What belongs to a sales person belongs to the same part of the organisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID


class Reps(Protocol):
    """The sales people."""

    def part_of(self, id: UUID) -> str:  # noqa: A002 - the field's name
        """The part of the organisation that a sales person belongs to, who stays there until the transaction ends.
        Raises NOT_FOUND."""


class Work(Protocol):
    """A transaction over what sales people own."""

    @property
    def reps(self) -> Reps:
        """The sales people."""


def placed(unit: Work, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with the part of the owner that they name. Raises NOT_FOUND for an owner that isn't there.

    Call it before anything of the owner's is locked: who moves a sales person locks these in the other order.
    """
    owner = fields.get("owner")
    return dict(fields) if owner is None else {**fields, "org": unit.reps.part_of(owner)}


def settled(changes: Mapping[str, Any], owner: UUID | None) -> dict[str, Any]:
    """The changes without another part for what has, and keeps, an owner."""
    if owner is None or "owner" in changes:
        return dict(changes)
    return {name: value for name, value in changes.items() if name != "org"}
