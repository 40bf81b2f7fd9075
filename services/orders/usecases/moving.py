"""Stock moves: what is low by it is told, and what was promised is served as soon as it is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.orders.domain import backorder, stock
from services.orders.domain.backorder import Backorder
from services.orders.domain.stock import Movement, Place, Stock


class Stocks(Protocol):
    """The stored stock."""

    def apply(self, movements: Sequence[Movement], now: datetime) -> list[Stock]:
        """Store movements and the stock that follows from them, in one statement; answers the stock of their places.

        Places that are not stocked are missing from the answer.
        """

    def awaited(self, limit: int) -> list[Stock]:
        """Stock that has units for what it promised; locked, what others lock is passed over."""


class Backorders(Protocol):
    """The stored promises of units that are still to arrive."""

    def oldest(self, there: Mapping[Place, int]) -> Sequence[Backorder]:
        """The promises that so many units at each place reach, the oldest first; the last may get a part alone."""

    def lessen(self, units: Mapping[int, int]) -> None:
        """So many units of each promise are awaited no more: they have arrived, or were given back."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""

    @property
    def backorders(self) -> Backorders:
        """The stored promises."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


def move(unit: Work, movements: Sequence[Movement]) -> list[Stock]:
    """Store movements; answers the stock of their places."""
    if not movements:
        return []
    changed = unit.stocks.apply(movements, unit.now)
    unit.emit(stock.crossings(changed, movements))
    return changed


def bring(unit: Work, movements: Sequence[Movement]) -> list[Stock]:
    """As `move`, for units that come in: the oldest promises are served first."""
    changed = {each.place: each for each in move(unit, movements)}
    changed |= {each.place: each for each in serve(unit, list(changed.values()))}
    return list(changed.values())


def serve(unit: Work, stocks: Sequence[Stock]) -> list[Stock]:
    """Serve the oldest promises with what is there at these places, which are locked; answers what changed.

    The buffer is kept. An order that waits for its payment has the units reserved; from a paid one they leave at once.
    """
    there = {each.place: each.fillable for each in stocks if each.fillable}
    if not there:
        return []
    filled, movements = backorder.fill(unit.backorders.oldest(there), there)
    unit.backorders.lessen(filled)
    return move(unit, movements)


def serve_awaited(unit: Work, limit: int) -> int:
    """Serve promises with units that orders gave back, at up to `limit` places; answers at how many."""
    return len(serve(unit, unit.stocks.awaited(limit)))
