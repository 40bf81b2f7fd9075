"""Pulls: how far a shop's platform was asked for the orders that changed there, and what to ask next.

A round asks for a window that begins `OVERLAP` before everything that is known: what a platform shows late, or under an
earlier time than it changed, is found by one of the next rounds. After failures, windows reach less far ahead, so that
a platform which answers little at a time is still caught up with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kit.errors import Fault
from services.orders.domain.ingest import PlatformOrder

OVERLAP = timedelta(minutes=10)
"""How late a platform may show what changed."""
REACH = timedelta(minutes=30)
"""How far beyond what is known one round asks."""
PAUSE = timedelta(seconds=10)
"""How long a shop that is caught up with is left alone."""
LONGEST_PAUSE = timedelta(minutes=5)
"""How long a shop is left alone at most after failures, unless its platform asks for more."""
LEASE = timedelta(seconds=90)
"""How long a round is its replica's own, from its last page on."""


@dataclass(frozen=True, slots=True)
class Period:
    """What changed from `start` until right before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the orders that changed, by their numbers; what could not be read of one is its Fault. `total` are
    those on all pages of the window, as the platform counts them now."""

    rows: tuple[tuple[str, PlatformOrder | Fault], ...]
    total: int
    size: int

    @property
    def last(self) -> int:
        """The number of the last page; the first is 0."""
        return max(0, -(-self.total // self.size) - 1)


@dataclass(frozen=True, slots=True)
class Pull:
    """A round for a shop, which belongs to whoever has the `lease`. All that changed before `position` is known; the
    last `failures` rounds came to nothing."""

    shop: str
    position: datetime
    failures: int
    lease: UUID
    now: datetime

    @property
    def period(self) -> Period:
        """What to ask for."""
        ahead = max(REACH / 2**self.failures, timedelta(minutes=1)) if self.failures < 16 else timedelta(minutes=1)
        return Period(self.position - OVERLAP, max(self.position, min(self.now, self.position + ahead)))

    @property
    def behind(self) -> bool:
        """Whether there is more to ask for at once."""
        return self.period.end < self.now

    def pause(self, asked: timedelta | None) -> timedelta:
        """How long to leave the shop alone after this round failed, too: twice as long each time, and no shorter than
        its platform asked for."""
        longer = min(LONGEST_PAUSE, timedelta(seconds=2 ** min(self.failures, 16)))
        return max(longer, asked or longer)
