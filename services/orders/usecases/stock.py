"""Stock by hand: read, receive, adjust. Orders reserve, commit and release theirs in their own use-cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kit.errors import etag_mismatch
from services.orders.domain import errors, stock
from services.orders.domain.stock import Movement, MovementKind, Place, Stock


class Stocks(Protocol):
    """The stored stock."""

    def get(self, place: Place) -> Stock | None:
        """The stock at a place."""

    def lock(self, places: Iterable[Place]) -> list[Stock]:
        """The stock at those of the places that exist, which nobody else changes until the transaction ends."""

    def apply(self, movements: Sequence[Movement], now: datetime) -> list[Stock]:
        """Store movements and the stock that follows from them, in one statement; answers the stock of their places.

        Places that are not stocked are missing from the answer.
        """


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""


@dataclass(frozen=True, slots=True)
class ReceiveStock:
    """Book units that came in."""

    place: Place
    quantity: int
    note: str


@dataclass(frozen=True, slots=True)
class AdjustStock:
    """Set the units right by `delta`; `version`, if given, must be the latest."""

    place: Place
    delta: int
    kind: MovementKind
    note: str
    version: int | None


def get_stock(unit: Work, place: Place) -> Stock:
    """Read the stock at a place."""
    found = unit.stocks.get(place)
    if found is None:
        raise errors.stock_not_found(place.name)
    return found


def receive_stock(unit: Work, command: ReceiveStock) -> Stock:
    """Book units that came in."""
    return _applied(unit, stock.receive(command.place, command.quantity, note=command.note))


def adjust_stock(unit: Work, command: AdjustStock) -> Stock:
    """Set the units right. Raises a Fault when orders hold units that would be missing."""
    locked = unit.stocks.lock([command.place])
    if not locked:
        raise errors.stock_not_found(command.place.name)
    if command.version is not None and command.version != locked[0].version:
        raise etag_mismatch(command.place.name)
    return _applied(unit, stock.adjust(locked[0], command.delta, kind=command.kind, note=command.note))


def _applied(unit: Work, movement: Movement) -> Stock:
    applied = unit.stocks.apply([movement], unit.now)
    if not applied:
        raise errors.stock_not_found(movement.place.name)
    return applied[0]
