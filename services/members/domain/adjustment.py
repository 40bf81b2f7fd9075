"""Adjustments: points given or taken by hand, each a row with an id of its own that is never used again."""

from __future__ import annotations

from dataclasses import dataclass
from unicodedata import category
from uuid import UUID

from services.members.domain.errors import proof
from services.members.domain.programme import DEFAULT

MAX_POINTS = 10**9
_MAX_ID = 100
_MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Points of a programme for a member, below zero to take them, and why."""

    row_id: str
    member: UUID
    points: int
    reason: str
    programme: str = DEFAULT

    @property
    def source(self) -> str:
        """What the ledger's entries of the adjustment name as their source."""
        return f"adjustments/{self.row_id}"

    def check(self) -> None:
        """Raise a Fault unless the row can be used."""
        _check_text("row_id", self.row_id, _MAX_ID)
        _check_text("reason", self.reason, _MAX_REASON)
        if not self.points or abs(self.points) > MAX_POINTS:
            raise proof.adjustment_invalid("points", f"must not be 0, and at most {MAX_POINTS} either way")

    def repeats(self, posted: Adjustment) -> bool:
        """Whether the row is the one that was posted; the words of the reason may differ.

        Raises a Fault when its id was used for another one.
        """
        if (self.member, self.points, self.programme) != (posted.member, posted.points, posted.programme):
            raise proof.adjustment_row_reused(self.row_id)
        return True


def _check_text(field: str, text: str, limit: int) -> None:
    if not text.strip():
        raise proof.adjustment_invalid(field, "must not be empty")
    if len(text) > limit or any(category(letter) == "Cc" for letter in text):
        description = f"must have at most {limit} characters, none of them a control character"
        raise proof.adjustment_invalid(field, description)
