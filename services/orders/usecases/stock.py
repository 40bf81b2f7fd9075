"""Stock by hand: read, receive, adjust, say how it is sold. Orders reserve, commit and release in `holding`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import etag_mismatch
from kit.page import Page
from services.orders.domain import errors, stock
from services.orders.domain.backorder import Backorder
from services.orders.domain.stock import Movement, MovementKind, Place, Stock, StockQuery, StoredMovement
from services.orders.domain.stock_policy import Policy
from services.orders.usecases import moving


class Stocks(moving.Stocks, Protocol):
    """The stored stock."""

    def get(self, place: Place) -> Stock | None:
        """The stock at a place."""

    def lock(self, places: Iterable[Place]) -> list[Stock]:
        """The stock at those of the places that exist, which nobody else changes until the transaction ends."""

    def open_missing(self, places: Iterable[Place], now: datetime) -> None:
        """Begin to keep stock at those of the places that have none, where both the product and the location exist."""

    def set_terms(self, stock: Stock) -> None:
        """Store the buffer, threshold and policy of a place."""

    def page(self, query: StockQuery, page: Page) -> list[Stock]:
        """The stock of a page and one more if there are more, by product and location."""

    def movements(self, place: Place, page: Page) -> list[StoredMovement]:
        """The movements of a page and one more if there are more, the latest first."""


class Backorders(moving.Backorders, Protocol):
    """The stored promises of units that are still to arrive."""

    def page(self, product: UUID | None, page: Page, *, org: str = "") -> list[Backorder]:
        """The promises of a page and one more if there are more, the oldest first; of a part of the organisation, if
        given."""


class Work(moving.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""

    @property
    def backorders(self) -> Backorders:
        """The stored promises."""


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


@dataclass(frozen=True, slots=True)
class UpdateStock:
    """Change how the stock is sold, where `fields` names it; `version`, if given, must be the latest."""

    place: Place
    fields: frozenset[str]
    buffer: int
    threshold: int | None
    policy: Policy
    version: int | None


def get_stock(unit: Work, place: Place) -> Stock:
    """Read the stock at a place."""
    found = unit.stocks.get(place)
    if found is None:
        raise errors.stock_not_found(place.name)
    return found


def list_stocks(unit: Work, query: StockQuery, page: Page) -> list[Stock]:
    """A page of stock, and one more if there is more."""
    return unit.stocks.page(query, page)


def list_movements(unit: Work, place: Place, page: Page) -> list[StoredMovement]:
    """A page of the movements at a place, and one more if there are more."""
    get_stock(unit, place)
    return unit.stocks.movements(place, page)


def list_backorders(unit: Work, product: UUID | None, page: Page, *, org: str = "") -> list[Backorder]:
    """A page of what is still to arrive for orders, and one more if there is more."""
    return unit.backorders.page(product, page, org=org)


def receive_stock(unit: Work, command: ReceiveStock) -> Stock:
    """Book units that came in; the oldest promises are served first. Raises a Fault for what is not known."""
    unit.stocks.open_missing([command.place], unit.now)
    return _brought(unit, stock.receive(command.place, command.quantity, note=command.note))


def adjust_stock(unit: Work, command: AdjustStock) -> Stock:
    """Set the units right. Raises a Fault when orders hold units that would be missing."""
    found = locked(unit, command.place, command.version)
    return _brought(unit, stock.adjust(found, command.delta, kind=command.kind, note=command.note))


def update_stock(unit: Work, command: UpdateStock) -> Stock:
    """Change the buffer, the threshold or the policy of a place. Raises a Fault when the policy contradicts itself, or
    another location promises units of the product."""
    before = locked(unit, command.place, command.version)
    named = {field: getattr(command, field) for field in ("buffer", "threshold", "policy") if field in command.fields}
    after = replace(before, **named)
    after.policy.check()
    if after == before:
        return before
    after = replace(after, version=before.version + 1, update_time=unit.now)
    unit.stocks.set_terms(after)
    crossed = stock.crossing(after, before=before)
    unit.emit([crossed] if crossed else [])
    changed = moving.serve(unit, [after])
    return changed[0] if changed else after


def locked(unit: Work, place: Place, version: int | None) -> Stock:
    """The locked stock of a place. Raises a Fault if there is none, or `version`, if given, is not its version."""
    found = unit.stocks.lock([place])
    if not found:
        raise errors.stock_not_found(place.name)
    if version is not None and version != found[0].version:
        raise etag_mismatch(place.name)
    return found[0]


def _brought(unit: Work, movement: Movement) -> Stock:
    brought: Sequence[Stock] = moving.bring(unit, [movement])
    if not brought:
        raise errors.stock_not_found(movement.place.name)
    return brought[0]
