"""Counts: people count what lies at a location, and the books follow. Selling goes on meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit import names
from kit.page import Page
from services.orders.domain.errors import stock as errors
from services.orders.domain.stock import Place, Stock
from services.orders.domain.stock_count import CountLine, CountState, StockCount
from services.orders.usecases import moving
from services.orders.usecases.location import Locations, get_location


class Stocks(moving.Stocks, Protocol):
    """The stored stock."""

    def lock(self, places: Iterable[Place]) -> list[Stock]:
        """The stock at those of the places that exist, which nobody else changes until the transaction ends."""

    def open_missing(self, places: Iterable[Place], now: datetime) -> None:
        """Begin to keep stock at those of the places that have none, where both the product and the location exist."""


class Counts(Protocol):
    """The stored counts."""

    def add(self, count: StockCount) -> None:
        """Store a new count."""

    def get(self, count_id: UUID) -> StockCount | None:
        """A count."""

    def lock(self, count_id: UUID) -> StockCount | None:
        """A count, which nobody else changes until the transaction ends."""

    def save(self, count: StockCount, entered: Sequence[CountLine] = ()) -> None:
        """Store a changed count and the lines that were entered."""

    def elsewhere(self, count: StockCount, products: Iterable[UUID]) -> tuple[UUID, UUID] | None:
        """One of the products that another open count has a number of at the same place, and that count."""

    def page(self, state: CountState | None, page: Page, *, org: str = "") -> list[StockCount]:
        """The counts of a page and one more if there are more, the latest first; of a part of the organisation, if
        given."""


class Work(moving.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""

    @property
    def locations(self) -> Locations:
        """The stored locations."""

    @property
    def stock_counts(self) -> Counts:
        """The stored counts."""


@dataclass(frozen=True, slots=True)
class OpenCount:
    """Begin to count at a location."""

    count_id: UUID
    location: str
    note: str


@dataclass(frozen=True, slots=True)
class EnterCount:
    """So many units of each product were counted just now."""

    count_id: UUID
    counted: Mapping[UUID, int]


def open_count(unit: Work, command: OpenCount) -> StockCount:
    """Begin to count. Raises a Fault for an unknown location."""
    get_location(unit, command.location)
    count = StockCount.begin(command.count_id, location=command.location, note=command.note, now=unit.now)
    unit.stock_counts.add(count)
    return count


def get_count(unit: Work, count_id: UUID) -> StockCount:
    """Read a count."""
    return _existing(unit.stock_counts.get(count_id), count_id)


def list_counts(unit: Work, state: CountState | None, page: Page, *, org: str = "") -> list[StockCount]:
    """A page of counts, and one more if there are more."""
    return unit.stock_counts.page(state, page, org=org)


def enter_count(unit: Work, command: EnterCount) -> StockCount:
    """Note what was counted, beside what the books say at this moment. Raises a Fault for an unknown product, and for
    one that another open count has a number of: both would correct the shelf by the same difference."""
    before = _existing(unit.stock_counts.lock(command.count_id), command.count_id)
    places = [Place(product, before.location) for product in command.counted]
    unit.stocks.open_missing(places, unit.now)
    after = before.enter(command.counted, _locked(unit, places), unit.now)
    # Under the lock of the stock, so that nobody enters the same between the look and the commit.
    elsewhere = unit.stock_counts.elsewhere(before, command.counted)
    if elsewhere is not None:
        product, count = elsewhere
        raise errors.counted_elsewhere(Place(product, before.location).name, names.join("stockCounts", count))
    unit.stock_counts.save(after, [line for line in after.lines if line.product in command.counted])
    return after


def post_count(unit: Work, count_id: UUID) -> StockCount:
    """Book the differences. Raises a Fault, and books none, when units that orders hold would be missing."""
    before = _existing(unit.stock_counts.lock(count_id), count_id)
    stocks = _locked(unit, [Place(line.product, before.location) for line in before.lines])
    after, movements = before.post(stocks, unit.now)
    unit.stock_counts.save(after)
    moving.bring(unit, movements)
    return after


def cancel_count(unit: Work, count_id: UUID) -> StockCount:
    """Give a count up."""
    before = _existing(unit.stock_counts.lock(count_id), count_id)
    after = before.cancel(unit.now)
    unit.stock_counts.save(after)
    return after


def _locked(unit: Work, places: Iterable[Place]) -> dict[Place, Stock]:
    return {each.place: each for each in unit.stocks.lock(places)}


def _existing(count: StockCount | None, count_id: UUID) -> StockCount:
    if count is None:
        raise errors.document_not_found(names.join("stockCounts", count_id))
    return count
