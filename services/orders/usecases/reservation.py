"""Reservations: units set aside for a while. They end once; a repeat answers the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.orders.domain import stock
from services.orders.domain.errors import stock as errors
from services.orders.domain.location import Location
from services.orders.domain.product import Product
from services.orders.domain.reservation import Reservation, ReservationStep
from services.orders.domain.stock import Shelf, Stock
from services.orders.usecases import moving, sourcing


class Stocks(moving.Stocks, Protocol):
    """The stored stock."""

    def supply(self, products: Iterable[UUID], named: Iterable[str]) -> tuple[list[Stock], Mapping[str, Location]]:
        """The locked stock of products at the locations that ship and at the `named` ones, and these locations."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Reservations(Protocol):
    """The stored reservations."""

    def add(self, reservation: Reservation) -> None:
        """Store a new reservation."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Reservation]:
        """Those of the reservations that exist."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Reservation]:
        """As `get`; nobody else changes them until the transaction ends."""

    def due(self, now: datetime, limit: int) -> dict[UUID, Reservation]:
        """Held reservations whose time is over; locked, those that others lock are passed over."""

    def save(self, ended: Sequence[Reservation]) -> None:
        """Store reservations that ended."""


class Work(moving.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""

    @property
    def reservations(self) -> Reservations:
        """The stored reservations."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Set units of products aside for `ttl`, at one location: the named one, or the first that has them all."""

    reservation_id: UUID
    items: tuple[tuple[UUID, int], ...]
    location: str
    source: str
    ttl: timedelta


def reserve(unit: Work, command: Reserve) -> Reservation:
    """Set units aside, all of them or none; of bundles their components, as orders take them. Only what is there can be
    reserved. Raises a Fault when there is too little."""
    draft = Reservation.hold(
        command.reservation_id,
        location=command.location,
        items=_taken_apart(unit, command.items),
        source=command.source,
        now=unit.now,
        expire_time=unit.now + command.ttl,
    )
    wanted = dict(draft.items)
    stocks, locations = unit.stocks.supply(wanted, [command.location] if command.location else [])
    shelf = Shelf(stocks, now=unit.now, promises=False)
    reservation = draft.at(sourcing.source(wanted, shelf, locations, named=command.location))
    shelf.reserve(None, reservation.demand(), source=reservation.name)
    unit.reservations.add(reservation)
    moving.move(unit, shelf.movements)
    return reservation


def get_reservation(unit: Work, reservation_id: UUID) -> Reservation:
    """Read a reservation."""
    return _existing(unit.reservations.get([reservation_id]), reservation_id)


def release_reservation(unit: Work, reservation_id: UUID) -> Reservation:
    """Give the units back. Raises a Fault when the reservation was confirmed or is over."""
    return _end(unit, reservation_id, ReservationStep.RELEASE)


def confirm_reservation(unit: Work, reservation_id: UUID) -> Reservation:
    """Take the units away: they were handed over. Raises a Fault when the reservation was released or is over."""
    return _end(unit, reservation_id, ReservationStep.CONFIRM)


def expire_reservations(unit: Work, limit: int) -> int:
    """Give back the units of up to `limit` reservations whose time is over; answers how many."""
    due = unit.reservations.due(unit.now, limit)
    ended = [each.end(ReservationStep.EXPIRE, unit.now) for each in due.values()]
    over = [each for each in ended if each is not None]
    if over:
        unit.reservations.save(over)
        moving.move(unit, [each for gone in over for each in stock.release(None, gone.demand(), source=gone.name)])
    return len(over)


def _end(unit: Work, reservation_id: UUID, step: ReservationStep) -> Reservation:
    before = _existing(unit.reservations.lock([reservation_id]), reservation_id)
    after = before.end(step, unit.now)
    if after is None:
        return before
    unit.reservations.save([after])
    leave = stock.commit if step is ReservationStep.CONFIRM else stock.release
    moving.move(unit, leave(None, before.demand(), source=before.name))
    return after


def _taken_apart(unit: Work, items: Sequence[tuple[UUID, int]]) -> list[tuple[UUID, int]]:
    products = unit.products.get([product for product, _ in items])
    return [
        part
        for product, units in items
        for part in (products[product].parts(units) if product in products else [(product, units)])
    ]


def _existing(found: Mapping[UUID, Reservation], reservation_id: UUID) -> Reservation:
    reservation = found.get(reservation_id)
    if reservation is None:
        raise errors.reservation_not_found(reservation_id)
    return reservation
