"""Facts of engagement. None of them holds personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """A member checked in for a day, or filled one that was missed."""

    member: UUID
    day: date
    streak: int
    points: int
