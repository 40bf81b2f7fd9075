"""Facts of engagement. None of them holds personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from kit.money import Money


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """A member checked in for a day, or filled one that was missed."""

    member: UUID
    day: date
    streak: int
    points: int


@dataclass(frozen=True, slots=True)
class ReceiptClaimed:
    """A member claimed a receipt of a store."""

    claim: UUID
    member: UUID
    store: str
    amount: Money
    points: int
    time: datetime
