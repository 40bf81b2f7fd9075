"""The stock of orders: reserved when they are placed, given up or taken away when they end. Always many at once.

Locks: an order's row first, then reservations, then the stock in the order of its places. Promises of units that are
still to arrive change under the lock of their stock alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from services.orders.domain import backorder, stock
from services.orders.domain.backorder import Backorder
from services.orders.domain.errors import stock as refusals
from services.orders.domain.location import Location
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.reservation import Reservation, ReservationStep
from services.orders.domain.stock import Demand, Movement, MovementKind, Place, Shelf, Stock
from services.orders.usecases import moving, sourcing

NOTHING_TAKEN: Mapping[UUID, UUID] = {}
"""No order takes a reservation over."""


class Stocks(moving.Stocks, Protocol):
    """The stored stock."""

    def lock(self, places: Iterable[Place]) -> list[Stock]:
        """The stock at those of the places that exist, which nobody else changes until the transaction ends."""

    def supply(self, products: Iterable[UUID], named: Iterable[str]) -> tuple[list[Stock], Mapping[str, Location]]:
        """The locked stock of products at the locations that ship and at the `named` ones, and these locations."""

    def seen(self, products: Iterable[UUID], named: Iterable[str]) -> tuple[list[Stock], Mapping[str, Location]]:
        """As `supply`, without a lock."""

    def out(self, orders: Iterable[UUID]) -> dict[tuple[UUID, Place], int]:
        """Units that left for orders and are not back, by order and place."""


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


class Reservations(Protocol):
    """The stored reservations."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Reservation]:
        """Those of the reservations that exist; nobody else changes them until the transaction ends."""

    def save(self, ended: Sequence[Reservation]) -> None:
        """Store reservations that ended."""


class Work(moving.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""

    @property
    def backorders(self) -> Backorders:
        """The stored promises."""

    @property
    def reservations(self) -> Reservations:
        """The stored reservations."""


def reserve(
    unit: Work, orders: list[Order | Fault], *, taken: Mapping[UUID, UUID] = NOTHING_TAKEN, promises: bool = True
) -> None:
    """Reserve the stock of new orders, first come, first served. In the list, each then knows the location that serves
    it; whoever finds too little becomes a Fault. `taken` are the reservations that orders take over. Unless
    it `promises`, they get only what is there."""
    wanted = [order.wanted() if isinstance(order, Order) else {} for order in orders]
    if not any(wanted):
        return
    counter = _Counter(unit, orders, wanted, taken, promises=promises)
    for index, (order, units) in enumerate(zip(orders, wanted, strict=True)):
        if isinstance(order, Order) and units:
            try:
                orders[index] = counter.serve(order, units, taken.get(order.id))
            except Fault as fault:
                orders[index] = fault
    counter.book()


def reserve_one(unit: Work, order: Order) -> Order:
    """As `reserve`, for one order. Raises a Fault when there is too little."""
    orders: list[Order | Fault] = [order]
    reserve(unit, orders)
    (reserved,) = orders
    if isinstance(reserved, Fault):
        raise reserved
    return reserved


def check(unit: Work, wanted: sourcing.Wanted, *, location: str = "", promises: bool = True) -> None:
    """Raise the Fault that `reserve` would, without a lock, for an order that wants so many units of products, served
    by the `location` if it names one."""
    stocks, locations = unit.stocks.seen(wanted, [location] if location else [])
    shelf = Shelf(stocks, now=unit.now, promises=promises)
    shelf.reserve(None, sourcing.demand(wanted, sourcing.source(wanted, shelf, locations, named=location)))


class _Counter:
    """Where the orders of a batch are served, one after the other, with everything locked that they may need."""

    def __init__(
        self,
        unit: Work,
        orders: Sequence[Order | Fault],
        wanted: Sequence[sourcing.Wanted],
        taken: Mapping[UUID, UUID],
        *,
        promises: bool,
    ) -> None:
        self._unit = unit
        self._held = unit.reservations.lock(sorted(set(taken.values()))) if taken else {}
        products = {product for each in wanted for product in each}
        products |= {product for each in self._held.values() for product, _ in each.items}
        named = {order.location for order in orders if isinstance(order, Order) and order.location}
        named |= {each.location for each in self._held.values()}
        stocks, self._locations = unit.stocks.supply(products, named)
        self._shelf = Shelf(stocks, now=unit.now, promises=promises)
        self._promised: list[Backorder] = []
        self._confirmed: list[Reservation] = []

    def serve(self, order: Order, wanted: sourcing.Wanted, reservation: UUID | None) -> Order:
        """Reserve the stock of an order. Raises a Fault, and leaves everything as it was, if there is too little."""
        if reservation is None:
            return self._serve(order, wanted, self._shelf)
        held = self._held.get(reservation)
        if held is None:
            raise refusals.reservation_not_found(reservation)
        confirmed = held.end(ReservationStep.CONFIRM, self._unit.now, order=order.id)
        if confirmed is None:
            raise refusals.reservation_ended(held.id, held.state.value)
        shelf = self._shelf.fork()
        shelf.take_back(stock.release(None, held.demand(), source=held.name))
        served = self._serve(replace(order, location=order.location or held.location), wanted, shelf)
        self._shelf, self._held[reservation] = shelf, confirmed
        self._confirmed.append(confirmed)
        return served

    def book(self) -> None:
        """Store what was reserved and promised."""
        if self._promised:
            self._unit.backorders.add(self._promised, self._unit.now)
        if self._confirmed:
            self._unit.reservations.save(self._confirmed)
        moving.move(self._unit, self._shelf.movements)

    def _serve(self, order: Order, wanted: sourcing.Wanted, shelf: Shelf) -> Order:
        location = sourcing.source(wanted, shelf, self._locations, named=order.location)
        waiting = shelf.reserve(order.id, sourcing.demand(wanted, location))
        self._promised += [Backorder(0, order.id, place, units, paid=False) for place, units in waiting.items()]
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


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Units of a paid order were refunded; with `goods`, they came back."""

    before: Order
    after: Order
    goods: bool = False

    def units(self) -> dict[Place, int]:
        """How many, where they belong: all of an order that is refunded in full, whatever was given back before."""
        if self.after.state is OrderState.REFUNDED:
            return self.after.demand()
        left = {line.position: line.refundable for line in self.before.lines}
        return self.after.returned({line.position: left[line.position] - line.refundable for line in self.after.lines})


def give_back(unit: Work, given: Sequence[GivenBack], movements: Sequence[Movement]) -> None:
    """Book what comes back from paid orders. Nobody waits for what was refunded, and nothing comes back of what had
    never arrived."""
    moved = list(movements)
    waiting = {each.after.id: each for each in given if each.after.awaiting}
    if waiting:
        places = {place for each in waiting.values() for place in each.after.demand()}
        unit.stocks.lock(places | {movement.place for movement in moved})
        out = unit.stocks.out(waiting)
        given_up, released = backorder.give_up(unit.backorders.of(waiting), _unarrived(waiting.values(), out))
        moved = [*_arrived(moved, out), *released]
        if given_up:
            unit.backorders.lessen(given_up)
    moving.bring(unit, moved)


_Out = dict[tuple[UUID, Place], int]
"""Units of orders, by order and place: those that left the stock for them, and are not back."""


def _unarrived(given: Iterable[GivenBack], out: _Out) -> _Out:
    """The refunded units that may still be awaited: any, unless they came back. Of those only what is more than had
    left."""
    return {
        (each.after.id, place): units - (out.get((each.after.id, place), 0) if each.goods else 0)
        for each in given
        for place, units in each.units().items()
    }


def _arrived(movements: Iterable[Movement], out: _Out) -> list[Movement]:
    """What comes back, without the units that had never arrived for the orders which waited for some."""
    there: list[Movement] = []
    for movement in movements:
        key = movement.order, movement.place
        if movement.kind is not MovementKind.RETURNED or movement.order is None or key not in out:
            there.append(movement)
            continue
        units = min(movement.on_hand, out[movement.order, movement.place])
        out[movement.order, movement.place] -= units
        if units > 0:
            there.append(replace(movement, on_hand=units))
    return there
