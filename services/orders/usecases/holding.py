"""The stock of orders: reserved when they are placed, given up or taken away when they end. Always many at once.

Locks: an order's row first, then the stock in the order of its places. Promises of units that are still to arrive
change under the lock of their stock alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from services.orders.domain import stock
from services.orders.domain.backorder import Backorder
from services.orders.domain.location import Location
from services.orders.domain.order import Order, OrderState
from services.orders.domain.stock import Demand, Movement, Place, Shelf, Stock
from services.orders.usecases import moving, sourcing


class Stocks(moving.Stocks, Protocol):
    """The stored stock."""

    def lock(self, places: Iterable[Place]) -> list[Stock]:
        """The stock at those of the places that exist, which nobody else changes until the transaction ends."""

    def supply(self, products: Iterable[UUID], named: Iterable[str]) -> tuple[list[Stock], Mapping[str, Location]]:
        """The locked stock of products at the locations that ship and at the `named` ones, and these locations."""


class Backorders(moving.Backorders, Protocol):
    """The stored promises of units that are still to arrive."""

    def add(self, promised: Sequence[Backorder], now: datetime) -> None:
        """Store new promises."""

    def of(self, orders: Iterable[UUID]) -> Sequence[Backorder]:
        """What orders still wait for, the oldest promise first."""

    def mark_paid(self, orders: Iterable[UUID]) -> None:
        """The orders are paid: what arrives for them leaves at once."""

    def drop(self, orders: Iterable[UUID]) -> None:
        """Take back what was promised to orders."""


class Work(moving.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""

    @property
    def backorders(self) -> Backorders:
        """The stored promises."""


def reserve(unit: Work, orders: list[Order | Fault]) -> None:
    """Reserve the stock of new orders, first come, first served. In the list, each then knows the location that serves
    it; whoever finds too little becomes a Fault."""
    wanted = [order.wanted() if isinstance(order, Order) else {} for order in orders]
    products = {product for each in wanted for product in each}
    if not products:
        return
    named = {order.location for order in orders if isinstance(order, Order) and order.location}
    stocks, locations = unit.stocks.supply(products, named)
    shelf = Shelf(stocks, now=unit.now)
    promised: list[Backorder] = []
    for index, (order, units) in enumerate(zip(orders, wanted, strict=True)):
        if isinstance(order, Order) and units:
            try:
                orders[index] = _reserved(order, units, shelf, locations, promised)
            except Fault as fault:
                orders[index] = fault
    if promised:
        unit.backorders.add(promised, unit.now)
    moving.move(unit, shelf.movements)


def _reserved(
    order: Order,
    wanted: sourcing.Wanted,
    shelf: Shelf,
    locations: Mapping[str, Location],
    promised: list[Backorder],
) -> Order:
    location = sourcing.source(wanted, shelf, locations, named=order.location)
    waiting = shelf.reserve(order.id, sourcing.demand(wanted, location))
    promised += [Backorder(0, order.id, place, units, paid=False) for place, units in waiting.items()]
    return replace(order, location=location, awaiting=bool(waiting))


def release(unit: Work, orders: Sequence[Order], *, beside: Sequence[Movement] = ()) -> None:
    """Orders that were not paid give up what they hold. What moves `beside` moves with it."""
    _end(unit, orders, beside, _Ending(stock.release, unit.backorders.drop))


def commit(unit: Work, orders: Sequence[Order], *, beside: Sequence[Movement] = ()) -> None:
    """Paid orders take away what they hold. What is still to arrive for them leaves when it does."""
    _end(unit, orders, beside, _Ending(stock.commit, unit.backorders.mark_paid))


@dataclass(frozen=True, slots=True)
class _Ending:
    """How an order lets go of its stock, and what becomes of what it was promised."""

    movements: Callable[..., list[Movement]]
    promises: Callable[[Sequence[UUID]], None]


def _end(unit: Work, orders: Sequence[Order], beside: Sequence[Movement], ending: _Ending) -> None:
    waiting: Mapping[UUID, Demand] = {}
    awaiting = [order.id for order in orders if order.awaiting]
    if awaiting:  # all places at once, so that the locks stay in their order
        places = {place for order in orders for place in order.demand()}
        unit.stocks.lock(places | {movement.place for movement in beside})
        waiting = _owed(unit.backorders.of(awaiting))
        ending.promises(awaiting)
    ended = [
        movement
        for order in orders
        for movement in ending.movements(order.id, order.demand(), waiting=waiting.get(order.id))
    ]
    moving.move(unit, [*ended, *beside])


def _owed(promises: Iterable[Backorder]) -> dict[UUID, dict[Place, int]]:
    owed: dict[UUID, dict[Place, int]] = {}
    for promise in promises:
        places = owed.setdefault(promise.order, {})
        places[promise.place] = places.get(promise.place, 0) + promise.units
    return owed


def give_back(unit: Work, refunded: Sequence[Order], movements: Sequence[Movement]) -> None:
    """Book what comes back from paid orders; those that were refunded in full wait for nothing more."""
    moved = list(movements)
    gone = [order for order in refunded if order.awaiting and order.state is OrderState.REFUNDED]
    if gone:
        places = {place for order in gone for place in order.demand()}
        unit.stocks.lock(places | {movement.place for movement in moved})
        owed = _owed(unit.backorders.of([order.id for order in gone]))
        unit.backorders.drop(list(owed))
        moved += [each for order, units in owed.items() for each in stock.release(order, units, waiting=units)]
    moving.bring(unit, moved)
