"""Opening stock in the rows of an import: booked where no stock of the product has ever moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol
from uuid import UUID

from services.orders.domain import stock
from services.orders.domain.errors.stock import location_not_found
from services.orders.domain.product_import import ProductRow
from services.orders.domain.stock import Place
from services.orders.usecases import moving

_NOTE = "opening stock"


class Stocks(moving.Stocks, Protocol):
    """The stored stock."""

    def lock_unmoved(self, places: Iterable[Place]) -> set[Place]:
        """Those of the places that have stock which never moved, and which nobody else moves until the transaction
        ends."""


class Work(moving.Work, Protocol):
    """What this needs of a unit of work."""

    @property
    def stocks(self) -> Stocks:
        """The stored stock."""


def check(row: ProductRow, locations: Collection[str]) -> None:
    """Raise a Fault unless the locations are there."""
    for location, _ in row.stocks:
        if location not in locations:
            raise location_not_found(location)


def book(unit: Work, rows: Mapping[UUID, ProductRow]) -> set[UUID]:
    """Book the opening stock of rows, by their products; answers of which products any was booked."""
    opening = {
        Place(product, location): units for product, row in rows.items() for location, units in row.stocks if units
    }
    unmoved = unit.stocks.lock_unmoved(opening) if opening else set()
    moving.bring(unit, [stock.receive(place, opening[place], note=_NOTE) for place in sorted(unmoved)])
    return {place.product for place in unmoved}
