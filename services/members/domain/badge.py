"""Badges: what members get once for a count that they reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Metric(StrEnum):
    """What is counted."""

    CHECK_INS = "CHECK_INS"
    ORDERS = "ORDERS"
    POINTS_EARNED = "POINTS_EARNED"


@dataclass(frozen=True, slots=True)
class Badge:
    """Whoever reaches the threshold of the metric gets it, until it is retired."""

    id: UUID
    display_name: str
    metric: Metric
    threshold: int
    create_time: datetime
    retire_time: datetime | None = None

    def retired(self, now: datetime) -> Badge:
        """The badge, which nobody gets any more."""
        return self if self.retire_time else replace(self, retire_time=now)


@dataclass(frozen=True, slots=True)
class BadgeAward:
    """A badge that a member has, once and for ever."""

    member: UUID
    badge: Badge
    award_time: datetime
