"""Stock: units on hand, units reserved for orders, and the movements that explain both.

`0 <= reserved <= on_hand` at every moment. Stock changes by movements alone, so the sums of the movements equal the
stock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from services.orders.domain import errors

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
    """The units at one place; `version` counts its changes."""

    place: Place
    on_hand: int
    reserved: int
    version: int
    update_time: datetime

    @property
    def available(self) -> int:
        """Units that can still be sold."""
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of the stock at a place, by `on_hand` and `reserved` units."""

    place: Place
    kind: MovementKind
    on_hand: int
    reserved: int
    order: UUID | None = None
    note: str = ""


def receive(place: Place, quantity: int, *, note: str) -> Movement:
    """Units came in."""
    return Movement(place, MovementKind.RECEIVED, quantity, 0, note=note)


def adjust(stock: Stock, delta: int, *, kind: MovementKind, note: str) -> Movement:
    """Units are more or fewer than was thought. Raises a Fault when orders hold units that would be missing."""
    on_hand = stock.on_hand + delta
    if on_hand < stock.reserved:
        raise errors.stock_reserved(stock.place.name, on_hand=on_hand, reserved=stock.reserved)
    return Movement(stock.place, kind, delta, 0, note=note)


def release(order: UUID, demand: Demand) -> list[Movement]:
    """An order that reserved its demand gives it up."""
    return [Movement(place, MovementKind.RELEASED, 0, -units, order) for place, units in demand.items()]


def commit(order: UUID, demand: Demand) -> list[Movement]:
    """An order that reserved its demand takes it away."""
    return [Movement(place, MovementKind.COMMITTED, -units, -units, order) for place, units in demand.items()]


class Shelf:
    """The locked stock of several places, from which orders reserve one after the other."""

    def __init__(self, stocks: Iterable[Stock]) -> None:
        self._stocks = {stock.place: stock for stock in stocks}
        self.movements: list[Movement] = []

    def reserve(self, order: UUID, demand: Demand) -> None:
        """Reserve the whole demand of an order. Raises a Fault, and reserves nothing, if one place has too little."""
        for place, units in demand.items():
            stock = self._stocks.get(place)
            available = stock.available if stock else 0
            if available < units:
                raise errors.out_of_stock(place.product, requested=units, available=available)
        for place, units in demand.items():
            stock = self._stocks[place]
            self._stocks[place] = replace(stock, reserved=stock.reserved + units)
            self.movements.append(Movement(place, MovementKind.RESERVED, 0, units, order))
