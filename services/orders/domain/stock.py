"""Stock: units on hand, units reserved, units promised before they arrive, and the movements that explain them.

`0 <= reserved <= on_hand` and `0 <= backordered` at every moment. Stock changes by movements alone, so the sums of the
movements equal the stock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from services.orders.domain import errors
from services.orders.domain.stock_policy import DENIED, Policy

MAIN = "main"
"""The location that every product has."""


class MovementKind(StrEnum):
    """What moved the stock."""

    RECEIVED = "RECEIVED"
    COUNTED = "COUNTED"
    DAMAGED = "DAMAGED"
    LOST = "LOST"
    RETURNED = "RETURNED"
    CORRECTED = "CORRECTED"
    RESERVED = "RESERVED"
    RELEASED = "RELEASED"
    COMMITTED = "COMMITTED"
    FILLED = "FILLED"
    SHIPPED = "SHIPPED"
    ARRIVED = "ARRIVED"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A product at a location. Places are locked in their order, so that two orders can't lock each other out."""

    product: UUID
    location: str = MAIN

    @property
    def name(self) -> str:
        """The stock's resource name."""
        return names.join("products", self.product, "stocks", self.location)


Demand = Mapping[Place, int]
"""Units by place: all lines of an order together."""


@dataclass(frozen=True, slots=True)
class Stock:
    """The units at one place; `version` counts its changes.

    `backordered` units are promised to orders before they arrive, as far as the `policy` allows. `buffer` units are
    never sold. `threshold` is the number of free units from which on the stock is low; None never tells.
    """

    place: Place
    on_hand: int
    reserved: int
    version: int
    update_time: datetime
    backordered: int = 0
    buffer: int = 0
    threshold: int | None = None
    policy: Policy = DENIED

    @property
    def free(self) -> int:
        """Units that nobody was promised; below zero when more were promised or kept back than there are."""
        return self.on_hand - self.reserved - self.buffer - self.backordered

    @property
    def available(self) -> int:
        """Units that can still be sold of what is there."""
        return max(0, self.free)

    @property
    def low(self) -> bool:
        """Whether so few units are free that somebody should know."""
        return self.threshold is not None and self.free <= self.threshold

    @property
    def fillable(self) -> int:
        """Promised units that could be set aside by now."""
        return max(0, min(self.backordered, self.on_hand - self.reserved - self.buffer))

    def sellable(self, now: datetime) -> int:
        """Units that can still be sold, with those that the policy promises before they arrive."""
        return max(0, self.free + self.policy.promises(now))


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of the stock at a place, by `on_hand`, `reserved` and `backordered` units, for an order or for
    another `source`: a resource name."""

    place: Place
    kind: MovementKind
    on_hand: int
    reserved: int
    order: UUID | None = None
    note: str = ""
    backordered: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class StoredMovement:
    """A movement of the history, by its position in it."""

    position: int
    movement: Movement
    time: datetime


@dataclass(frozen=True, slots=True)
class StockQuery:
    """Which stock to list; None asks for no filter."""

    product: UUID | None = None
    location: str | None = None
    low: bool = False
    org: str = ""


@dataclass(frozen=True, slots=True)
class StockLow:
    """The free units of a place fell to its threshold or below."""

    stock: Stock


@dataclass(frozen=True, slots=True)
class StockReplenished:
    """The free units of a place rose above its threshold again."""

    stock: Stock


def receive(place: Place, quantity: int, *, note: str) -> Movement:
    """Units came in."""
    return Movement(place, MovementKind.RECEIVED, quantity, 0, note=note)


def adjust(stock: Stock, delta: int, *, kind: MovementKind, note: str, source: str = "") -> Movement:
    """Units are more or fewer than was thought. Raises a Fault when orders hold units that would be missing."""
    on_hand = stock.on_hand + delta
    if on_hand < stock.reserved:
        raise errors.stock_reserved(stock.place.name, on_hand=on_hand, reserved=stock.reserved)
    return Movement(stock.place, kind, delta, 0, note=note, source=source)


def release(order: UUID | None, demand: Demand, *, waiting: Demand | None = None, source: str = "") -> list[Movement]:
    """Whoever reserved the demand gives it up, also the units of it that are still `waiting` to arrive."""
    owed = waiting or {}
    return [
        Movement(
            place,
            MovementKind.RELEASED,
            0,
            owed.get(place, 0) - units,
            order,
            backordered=-owed.get(place, 0),
            source=source,
        )
        for place, units in demand.items()
    ]


def commit(order: UUID | None, demand: Demand, *, waiting: Demand | None = None, source: str = "") -> list[Movement]:
    """Whoever reserved the demand takes away what is there of it; what is `waiting` to arrive stays promised."""
    there = {place: units - (waiting or {}).get(place, 0) for place, units in demand.items()}
    return [
        Movement(place, MovementKind.COMMITTED, -units, -units, order, source=source)
        for place, units in there.items()
        if units
    ]


def crossings(changed: Iterable[Stock], movements: Sequence[Movement]) -> list[StockLow | StockReplenished]:
    """Which of the changed stock fell to its threshold by these movements, or rose above it."""
    moved: Counter[Place] = Counter()
    for each in movements:
        moved[each.place] += each.on_hand - each.reserved - each.backordered
    facts = (
        crossing(stock, before=replace(stock, on_hand=stock.on_hand - moved[stock.place]))
        for stock in changed
        if stock.threshold is not None
    )
    return [fact for fact in facts if fact is not None]


def crossing(stock: Stock, *, before: Stock) -> StockLow | StockReplenished | None:
    """Whether the stock became low, or ceased to be."""
    if stock.low == before.low:
        return None
    return StockLow(stock) if stock.low else StockReplenished(stock)


class Shelf:
    """The locked stock of several places, from which orders reserve one after the other. Unless it `promises`, it gives
    only what is there."""

    def __init__(self, stocks: Iterable[Stock], *, now: datetime, promises: bool = True) -> None:
        self._stocks = {stock.place: stock for stock in stocks}
        self._now = now
        self._promises = promises
        self.movements: list[Movement] = []

    def available(self, place: Place) -> int:
        """Units at a place that can be sold of what is there."""
        stock = self._stocks.get(place)
        return stock.available if stock else 0

    def sellable(self, place: Place) -> int:
        """Units at a place that can be sold, with those that its policy promises."""
        stock = self._stocks.get(place)
        if stock is None:
            return 0
        return stock.sellable(self._now) if self._promises else stock.available

    def reserve(self, order: UUID | None, demand: Demand, *, source: str = "") -> dict[Place, int]:
        """Reserve a whole demand; answers the units of it that are promised before they arrive.

        Raises a Fault, and reserves nothing, if one place has too little.
        """
        for place, units in demand.items():
            left = self.sellable(place)
            if left < units:
                raise errors.out_of_stock(place.product, requested=units, available=left)
        waiting: dict[Place, int] = {}
        for place, units in demand.items():
            there = min(units, self._stocks[place].available)
            if there < units:
                waiting[place] = units - there
            reserved = Movement(place, MovementKind.RESERVED, 0, there, order, backordered=units - there, source=source)
            self._moved(reserved)
        return waiting

    def take_back(self, movements: Iterable[Movement]) -> None:
        """Free what was reserved before, so that another may reserve it."""
        for movement in movements:
            self._moved(movement)

    def fork(self) -> Shelf:
        """The same shelf, to try something on."""
        other = Shelf(self._stocks.values(), now=self._now, promises=self._promises)
        other.movements = list(self.movements)
        return other

    def _moved(self, movement: Movement) -> None:
        stock = self._stocks[movement.place]
        self._stocks[movement.place] = replace(
            stock,
            reserved=stock.reserved + movement.reserved,
            backordered=stock.backordered + movement.backordered,
        )
        self.movements.append(movement)
