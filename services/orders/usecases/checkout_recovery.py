"""Recovery: attempts that nobody goes on with (a crash, a timeout, a lost answer) are given up, and what other services
hold for them is asked back until it is known to be free. Those that are to bring an order back are gone on with. Any
number of replicas may do it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.checkout import Attempt, CheckoutState
from services.orders.usecases.checkout import Book, Holders, release

AT_ONCE = 32
"""Attempts that a replica takes up at once."""


class Checkouts(Protocol):
    """The stored attempts to check out."""

    def due(self, now: datetime, limit: int) -> Sequence[Attempt]:
        """Unfinished attempts that nobody goes on with, the longest waiting first; locked, those that others lock are
        passed over."""

    def save(self, before: Attempt, after: Attempt) -> None:
        """Store what became of a locked attempt."""

    def unfinished(self) -> dict[CheckoutState, tuple[int, datetime]]:
        """How many attempts are not at their end, and since when the oldest is open, by state."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def checkouts(self) -> Checkouts:
        """The stored attempts to check out."""


def take_up(unit: Work, limit: int = AT_ONCE) -> list[Attempt]:
    """Give attempts up that nobody goes on with, but for those that replicas lead; for a while they are left to whoever
    called this."""
    taken = []
    for before in unit.checkouts.due(unit.now, limit):
        after = before.taken_up(unit.now)
        unit.checkouts.save(before, after)
        taken.append(after)
    return taken


def census(unit: Work) -> dict[CheckoutState, tuple[int, float]]:
    """How many attempts of each state that is not final there are, and for how many seconds the oldest is open."""
    found = unit.checkouts.unfinished()
    ages = {state: (unit.now - since).total_seconds() for state, (_, since) in found.items()}
    return {
        state: (found[state][0], ages[state]) if state in found else (0, 0.0)
        for state in (CheckoutState.OPEN, CheckoutState.ABANDONED)
    }


class Recovery:
    """Drives what was left behind to its end."""

    def __init__(
        self,
        *,
        take_up: Callable[[], Awaitable[Sequence[Attempt]]],
        book: Book,
        holders: Holders,
        revive: Callable[[Attempt], Awaitable[None]],
    ) -> None:
        self._take_up = take_up
        self._book = book
        self._holders = holders
        self._revive = revive

    async def round(self) -> list[UUID]:
        """Take up what is due, and ask for it back or go on with it; answers the attempts that were taken up."""
        taken = await self._take_up()
        await asyncio.gather(*(self._drive(attempt) for attempt in taken))
        return [attempt.order_id for attempt in taken]

    async def _drive(self, attempt: Attempt) -> None:
        if attempt.state is CheckoutState.ABANDONED:
            await self._book.released(await release(attempt, self._holders))
        elif attempt.state is CheckoutState.OPEN:
            await self._revive(attempt)
