"""Transfers: units leave one location and arrive at another, at once or after a while."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit import names
from kit.page import Page
from services.orders.domain import errors
from services.orders.domain.errors import stock as refusals
from services.orders.domain.stock import Movement, Place, Stock
from services.orders.domain.stock_transfer import StockTransfer, TransferState
from services.orders.usecases import moving


class Stocks(moving.Stocks, Protocol):
    """The stored stock."""

    def lock(self, places: Iterable[Place]) -> list[Stock]:
        """The stock at those of the places that exist, which nobody else changes until the transaction ends."""

    def open_missing(self, places: Iterable[Place], now: datetime) -> None:
        """Begin to keep stock at those of the places that have none, where both the product and the location exist."""


class Transfers(Protocol):
    """The stored transfers."""

    def add(self, transfer: StockTransfer) -> None:
        """Store a new transfer."""

    def get(self, transfer_id: UUID) -> StockTransfer | None:
        """A transfer."""

    def lock(self, transfer_id: UUID) -> StockTransfer | None:
        """A transfer, which nobody else changes until the transaction ends."""

    def save(self, transfer: StockTransfer) -> None:
        """Store a transfer that ended."""

    def page(self, state: TransferState | None, page: Page, *, org: str = "") -> list[StockTransfer]:
        """The transfers of a page and one more if there are more, the latest first; from or to a part of the
        organisation, if given."""


class Work(moving.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""

    @property
    def stock_transfers(self) -> Transfers:
        """The stored transfers."""


@dataclass(frozen=True, slots=True)
class ShipTransfer:
    """Send units from one location to another. With `arrived` they are there at once."""

    transfer_id: UUID
    origin: str
    destination: str
    items: tuple[tuple[UUID, int], ...]
    note: str
    arrived: bool


@dataclass(frozen=True, slots=True)
class ReceiveTransfer:
    """Units arrived: so many of each product, or all of them for None."""

    transfer_id: UUID
    received: Mapping[UUID, int] | None


def ship_transfer(unit: Work, command: ShipTransfer) -> StockTransfer:
    """Send units away. Raises a Fault when fewer are free, or a product or location is unknown."""
    shipped = StockTransfer.ship(
        command.transfer_id,
        origin=command.origin,
        destination=command.destination,
        items=command.items,
        note=command.note,
        now=unit.now,
    )
    departure = shipped.departure()
    there = [Place(item.product, shipped.destination) for item in shipped.items]
    unit.stocks.open_missing(there, unit.now)
    stocks = {each.place: each for each in unit.stocks.lock([*there, *(each.place for each in departure)])}
    for place in there:
        if place not in stocks:
            raise errors.stock_not_found(place.name)
    _check_free(departure, stocks)
    transfer, arrival = shipped.receive(None, unit.now) if command.arrived else (shipped, [])
    unit.stock_transfers.add(transfer)
    moving.bring(unit, [*departure, *arrival])
    return transfer


def _check_free(departure: Iterable[Movement], stocks: Mapping[Place, Stock]) -> None:
    for movement in departure:
        stock = stocks.get(movement.place)
        if stock is None:
            raise errors.stock_not_found(movement.place.name)
        left = stock.on_hand - stock.reserved
        if left < -movement.on_hand:
            raise errors.out_of_stock(movement.place.product, requested=-movement.on_hand, available=left)


def get_transfer(unit: Work, transfer_id: UUID) -> StockTransfer:
    """Read a transfer."""
    return _existing(unit.stock_transfers.get(transfer_id), transfer_id)


def list_transfers(unit: Work, state: TransferState | None, page: Page, *, org: str = "") -> list[StockTransfer]:
    """A page of transfers, and one more if there are more."""
    return unit.stock_transfers.page(state, page, org=org)


def receive_transfer(unit: Work, command: ReceiveTransfer) -> StockTransfer:
    """Book what arrived; the rest is lost on the way. Raises a Fault when the transfer has ended."""
    before = _existing(unit.stock_transfers.lock(command.transfer_id), command.transfer_id)
    return _ended(unit, *before.receive(command.received, unit.now))


def cancel_transfer(unit: Work, transfer_id: UUID) -> StockTransfer:
    """Book everything back at its origin. Raises a Fault when the transfer has ended."""
    before = _existing(unit.stock_transfers.lock(transfer_id), transfer_id)
    return _ended(unit, *before.cancel(unit.now))


def _ended(unit: Work, transfer: StockTransfer, movements: list[Movement]) -> StockTransfer:
    unit.stock_transfers.save(transfer)
    moving.bring(unit, movements)
    return transfer


def _existing(transfer: StockTransfer | None, transfer_id: UUID) -> StockTransfer:
    if transfer is None:
        raise refusals.document_not_found(names.join("stockTransfers", transfer_id))
    return transfer
