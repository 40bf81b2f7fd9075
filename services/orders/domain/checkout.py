"""A checkout: an attempt to turn a basket into an order, while coupons and points are held for it in other services.

An attempt is OPEN until it ends once, as PLACED or as ABANDONED. What an abandoned one holds may be freed by anybody,
for it is never placed; what a placed one holds belongs to its order. Repeats of one request share the open attempt, so
that they hold nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

SHARED_FOR = timedelta(minutes=10)
"""How long repeats of a request join its open attempt; later they begin another."""

HELD_BEYOND = timedelta(hours=1)
"""How much longer than the time to pay the coupons and points are held, should nobody release them."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An open attempt and the id that its order will have."""

    order_id: UUID
    open_time: datetime

    def stale(self, now: datetime) -> bool:
        """Whether it is too old to be joined: what it held may be about to expire."""
        return now >= self.open_time + SHARED_FOR

    def hold_until(self, pay_within: timedelta) -> datetime:
        """When the other services may let go by themselves: surely after the order could be paid."""
        return self.open_time + pay_within + HELD_BEYOND
