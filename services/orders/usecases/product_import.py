"""The import of products: an idempotent upsert by SKU, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from services.orders.domain import errors
from services.orders.domain.errors import catalogue
from services.orders.domain.events import ProductChanged
from services.orders.domain.product import Product
from services.orders.domain.product_import import Outcome, ProductRow, RowResult, check, product_of
from services.orders.domain.stock import Place


class Products(Protocol):
    """The stored products."""

    def lock_skus(self, skus: Sequence[str]) -> dict[str, Product]:
        """Those of the products that exist, which nobody else changes until the transaction ends."""

    def add_unless_taken(self, fresh: Sequence[Product]) -> set[UUID]:
        """Store those of the new products whose SKU is not taken; answers which."""

    def save(self, *changed: Product) -> None:
        """Store changed products."""


class Shelves(Protocol):
    """The stored stock, as far as new products need it."""

    def open_missing(self, places: Iterable[Place], now: datetime) -> None:
        """Begin to keep stock at places, with nothing there."""


class Work(Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def stocks(self) -> Shelves:
        """The stored stock."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


def upsert_products(unit: Work, rows: Sequence[ProductRow | Fault]) -> list[RowResult]:
    """Create the products with new SKUs and change the others; one result per row. A row that could not even be read
    is its Fault, and a bad row is nothing to its neighbours."""
    known = unit.products.lock_skus(sorted({row.sku for row in rows if isinstance(row, ProductRow)}))
    fresh: dict[UUID, Product] = {}
    changed: dict[UUID, Product] = {}
    seen: set[str] = set()
    results: list[RowResult] = []
    for row in rows:
        try:
            results.append(_take(_checked(row, seen), known, fresh, changed, unit.now))
        except Fault as fault:
            results.append(RowResult(Outcome.REJECTED, fault=fault))
    stored = unit.products.add_unless_taken(list(fresh.values())) if fresh else set()
    unit.products.save(*changed.values())
    made = [product for product in fresh.values() if product.id in stored]
    unit.stocks.open_missing([Place(product.id) for product in made], unit.now)
    unit.emit([ProductChanged(product) for product in (*made, *changed.values())])
    return [_unless_raced(result, stored) for result in results]


def _checked(row: ProductRow | Fault, seen: set[str]) -> ProductRow:
    if isinstance(row, Fault):
        raise row
    check(row)
    if row.sku in seen:
        raise catalogue.row_repeated()
    seen.add(row.sku)
    return row


def _take(
    row: ProductRow, known: dict[str, Product], fresh: dict[UUID, Product], changed: dict[UUID, Product], now: datetime
) -> RowResult:
    product = known.get(row.sku)
    if product is None:
        fresh[row.product_id] = product_of(row, now)
        return RowResult(Outcome.CREATED, row.product_id)
    after = product.update(row.contents, now)
    if after is product:
        return RowResult(Outcome.UNCHANGED, product.id)
    changed[product.id] = after
    return RowResult(Outcome.UPDATED, product.id)


def _unless_raced(result: RowResult, stored: set[UUID]) -> RowResult:
    """Another call took the SKU at this very moment: sent again, the row changes that product."""
    if result.outcome is Outcome.CREATED and result.product not in stored:
        return RowResult(Outcome.REJECTED, fault=errors.sku_taken())
    return result
