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


@dataclass(frozen=True, slots=True)
class ReferralRewarded:
    """The first order of a member who was brought is paid, and both got their points."""

    member: UUID
    referrer: UUID
    referrer_points: int
    member_points: int
    time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class ReferralRevoked:
    """The first order of a member who was brought was refunded in full, and the points were taken back."""

    member: UUID
    referrer: UUID
    time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class BadgeAwarded:
    """A member got a badge."""

    member: UUID
    badge: UUID
    time: datetime
