"""How fast an import may go, so that it leaves room for the business of the day."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Admit = Callable[[int], Awaitable[None]]
"""Waits until so many more orders may be sent."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows go into a batch, and how many batches are under way at a time."""

    members: int = 1_000
    orders: int = 500
    in_flight: int = 4


async def at_once(orders: int) -> None:
    """No limit but the services' own."""


class Rate:
    """At most so many orders a second, on average since the first."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._next = 0.0

    async def __call__(self, orders: int) -> None:
        """Wait for the turn of so many orders."""
        now = time.monotonic()
        await asyncio.sleep(max(self._next - now, 0))
        self._next = max(self._next, now) + orders / self._per_second
