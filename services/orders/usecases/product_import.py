"""The import of products: an idempotent upsert by SKU, in a constant number of statements.

Locks: products by their ids, then groups, price lists and stock, each kind sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, conflict
from services.orders.domain import errors
from services.orders.domain.errors import catalogue
from services.orders.domain.events import ProductChanged
from services.orders.domain.product import Product
from services.orders.domain.product_import import Outcome, ProductRow, RowResult, check
from services.orders.domain.stock import Place
from services.orders.usecases import product_row_prices, product_row_stock
from services.orders.usecases.product_row import Known, Products, RowWork


class Shelves(product_row_stock.Stocks, Protocol):
    """The stored stock, as far as an import needs it."""

    def open_missing(self, places: Iterable[Place], now: datetime) -> None:
        """Begin to keep stock at those of the places that have none, where both the product and the location exist."""


class Stored(Products, Protocol):
    """The stored products."""

    def add_unless_taken(self, fresh: Sequence[Product]) -> set[UUID]:
        """Store those of the new products whose SKU is not taken; answers which."""

    def save(self, *changed: Product) -> None:
        """Store changed products."""


class Work(RowWork, product_row_prices.Work, product_row_stock.Work, Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def products(self) -> Stored:
        """The stored products."""

    @property
    def stocks(self) -> Shelves:
        """The stored stock."""


def upsert_products(unit: Work, rows: Sequence[ProductRow | Fault]) -> list[RowResult]:
    """Create the products with new SKUs and change the others, with their groups, components, prices and opening stock;
    one result per row. A row that could not even be read is its Fault, and a bad row is nothing to its neighbours."""
    checked = _checked(rows)
    good = [row for row in checked if isinstance(row, ProductRow)]
    known = Known.of(unit, good)
    prices = product_row_prices.Prices.of(unit, good, known.ids())
    locations = unit.locations.among(sorted({location for row in good for location, _ in row.stocks}))
    results: list[RowResult | None] = [None] * len(rows)
    # Bundles last, for what they are made of may stand behind them.
    for index in sorted(range(len(rows)), key=lambda index: _is_bundle(checked[index])):
        row = checked[index]
        try:
            if isinstance(row, Fault):
                raise row
            prices.check(row)
            product_row_stock.check(row, locations)
            results[index] = known.take(row)
        except Fault as fault:
            results[index] = RowResult(Outcome.REJECTED, fault=fault)
    taken = [(row, result) for row, result in zip(checked, results, strict=True) if isinstance(row, ProductRow)]
    return _store(unit, known, prices, taken, [result for result in results if result is not None])


def _store(
    unit: Work,
    known: Known,
    prices: product_row_prices.Prices,
    taken: Sequence[tuple[ProductRow, RowResult | None]],
    results: Sequence[RowResult],
) -> list[RowResult]:
    unit.product_groups.put(known.changed_groups())
    unit.products.save(*known.changed.values())  # first, for a new product may have the options that another one had
    stored = unit.products.add_unless_taken(list(known.fresh.values())) if known.fresh else set()
    if known.components & (known.fresh.keys() - stored):
        raise conflict()  # another call took the SKU of what bundles here are made of
    made = [product for product in known.fresh.values() if product.id in stored]
    there = {
        result.product: row
        for row, result in taken
        if result is not None and result.product is not None and (result.product in stored or known.has(result.product))
    }
    opening = {Place(product, location) for product, row in there.items() for location, _ in row.stocks}
    unit.stocks.open_missing([*{*(Place(product.id) for product in made), *opening}], unit.now)
    unit.emit([ProductChanged(product) for product in (*made, *known.changed.values())])
    touched = prices.store(unit, there) | product_row_stock.book(unit, there)
    return [_settled(result, stored, touched) for result in results]


def _checked(rows: Sequence[ProductRow | Fault]) -> list[ProductRow | Fault]:
    seen: set[str] = set()
    checked: list[ProductRow | Fault] = []
    for row in rows:
        try:
            checked.append(_distinct(row, seen))
        except Fault as fault:
            checked.append(fault)
    return checked


def _distinct(row: ProductRow | Fault, seen: set[str]) -> ProductRow:
    if isinstance(row, Fault):
        raise row
    check(row)
    if row.sku in seen:
        raise catalogue.row_repeated()
    seen.add(row.sku)
    return row


def _is_bundle(row: ProductRow | Fault) -> bool:
    return isinstance(row, ProductRow) and bool(row.components)


def _settled(result: RowResult, stored: set[UUID], touched: set[UUID]) -> RowResult:
    """What became of a row. If another call took its SKU just now, it changes that product when it is sent again."""
    if result.outcome is Outcome.CREATED and result.product not in stored:
        return RowResult(Outcome.REJECTED, fault=errors.sku_taken())
    if result.outcome is Outcome.UNCHANGED and result.product in touched:
        return RowResult(Outcome.UPDATED, result.product)
    return result
