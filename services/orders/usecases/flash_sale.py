"""Flash sales: made, changed, ended; how they go. Their units are reserved from stock all the while."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, etag_mismatch, invalid
from kit.page import Page
from services.orders.domain.errors import flash_sale as errors
from services.orders.domain.errors import product_archived, product_not_found
from services.orders.domain.flash_sale import Figures, FlashSale, FlashSaleQuery, Offer, Terms, resized
from services.orders.domain.product import Product
from services.orders.domain.stock import Movement, MovementKind, Place, Shelf, release
from services.orders.usecases import holding, moving
from services.orders.usecases.flash_sale_units import FlashSaleUnits


class FlashSales(Protocol):
    """The stored flash sales."""

    def add(self, sale: FlashSale) -> None:
        """Store a new sale with its buckets."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, FlashSale]:
        """Those of the sales that exist."""

    def lock(self, sale_id: UUID) -> FlashSale | None:
        """The sale, which nobody else changes until the transaction ends. Buyers don't wait for it."""

    def due(self, now: datetime, limit: int) -> list[FlashSale]:
        """Sales whose time is over; locked, those that others lock are passed over."""

    def save(self, sales: Sequence[FlashSale]) -> None:
        """Store changed sales."""

    def page(self, query: FlashSaleQuery, page: Page) -> list[FlashSale]:
        """The sales of a page and one more if there are more, the latest start first."""

    def free(self, ids: Sequence[UUID]) -> dict[UUID, tuple[int, ...]]:
        """The free units of sales, by bucket."""

    def figures(self, ids: Sequence[UUID], now: datetime) -> dict[UUID, Figures]:
        """How sales go; all of a sale's numbers are of one moment."""

    def refuse(self, counts: Mapping[tuple[UUID, str], int]) -> None:
        """Add to what was refused, by sale and reason."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Work(moving.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def flash_sales(self) -> FlashSales:
        """The stored flash sales."""

    @property
    def flash_sale_units(self) -> FlashSaleUnits:
        """The units of flash sales."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def stocks(self) -> holding.Stocks:
        """The stored stock."""


@dataclass(frozen=True, slots=True)
class CreateFlashSale:
    """Make a sale of units at a place; 0 `buckets` lets the quota decide."""

    sale_id: UUID
    place: Place
    terms: Terms
    buckets: int


@dataclass(frozen=True, slots=True)
class UpdateFlashSale:
    """Change the terms of a sale; `version`, if given, must be the latest."""

    sale_id: UUID
    change: Callable[[Terms], Terms]
    version: int | None


@dataclass(frozen=True, slots=True)
class CancelFlashSale:
    """End a sale before its time; `version`, if given, must be the latest."""

    sale_id: UUID
    version: int | None


def create_flash_sale(unit: Work, command: CreateFlashSale) -> FlashSale:
    """Make a sale and reserve its units from stock. Raises a Fault when too few are free."""
    product = unit.products.get([command.place.product]).get(command.place.product)
    if product is None:
        raise product_not_found(command.place.product)
    if not product.active:
        raise product_archived(product.id)
    if command.terms.price.currency != product.price.currency:
        raise invalid("flash_sale.price", f"must be in {product.price.currency}, as the product's")
    sale = FlashSale.schedule(command.sale_id, command.place, command.terms, buckets=command.buckets, now=unit.now)
    unit.flash_sales.add(sale)
    _reserve(unit, sale, sale.terms.quota)
    return sale


def get_flash_sale(unit: Work, sale_id: UUID) -> FlashSale:
    """Read a sale."""
    return existing(unit.flash_sales.get([sale_id]), sale_id)


def list_flash_sales(unit: Work, query: FlashSaleQuery, page: Page) -> list[FlashSale]:
    """A page of sales, and one more if there are more."""
    return unit.flash_sales.page(query, page)


def update_flash_sale(unit: Work, command: UpdateFlashSale) -> FlashSale:
    """Change a sale. Its quota grows from stock, and shrinks by free units only."""
    sale = _locked(unit, command.sale_id, command.version)
    changed = sale.change(command.change(sale.terms), unit.now)
    if changed is sale:
        return sale
    if changed.terms.quota != sale.terms.quota:
        buckets = unit.flash_sale_units.lock_all([sale.id])
        units = resized(sale.id, buckets, changed.terms.quota)
        unit.flash_sale_units.resize(sale.id, units)
        _reserve(unit, sale, changed.terms.quota - sale.terms.quota)
    unit.flash_sales.save([changed])
    return changed


def cancel_flash_sale(unit: Work, command: CancelFlashSale) -> FlashSale:
    """End a sale before its time. The same once more changes nothing."""
    sale = _locked(unit, command.sale_id, None)
    cancelled = sale.cancel(unit.now)
    if cancelled is not sale:
        _check_version(sale, command.version)
        _close(unit, [cancelled])
    return cancelled


def end_flash_sales(unit: Work, limit: int) -> int:
    """End up to `limit` sales whose time is over; answers how many."""
    due = unit.flash_sales.due(unit.now, limit)
    if due:
        _close(unit, [sale.end(unit.now) for sale in due])
    return len(due)


def get_figures(unit: Work, sale_ids: Sequence[UUID]) -> list[Figures | Fault]:
    """How sales go, for several who ask at once."""
    found = unit.flash_sales.figures(sorted(set(sale_ids)), unit.now)
    return [found.get(sale_id) or errors.flash_sale_not_found(sale_id) for sale_id in sale_ids]


def get_offers(unit: Work, sale_ids: Sequence[UUID]) -> list[Offer | Fault]:
    """Sales as buyers meet them, for several who ask at once."""
    ids = sorted(set(sale_ids))
    free, sales = unit.flash_sales.free(ids), unit.flash_sales.get(ids)
    products = unit.products.get(sorted({sale.place.product for sale in sales.values()}))
    offers = {sale.id: Offer(sale, products[sale.place.product], free.get(sale.id, ())) for sale in sales.values()}
    return [offers.get(sale_id) or errors.flash_sale_not_found(sale_id) for sale_id in sale_ids]


def count_refusals(unit: Work, counts: Mapping[tuple[UUID, str], int]) -> None:
    """Add to what was refused, by sale and reason."""
    unit.flash_sales.refuse(counts)


def count_astray(unit: Work) -> int:
    """How many units of the sales under way are counted in a state that no order of theirs is in."""
    return unit.flash_sale_units.astray()


def existing(sales: Mapping[UUID, FlashSale], sale_id: UUID) -> FlashSale:
    """The sale, or a Fault."""
    sale = sales.get(sale_id)
    if sale is None:
        raise errors.flash_sale_not_found(sale_id)
    return sale


def _locked(unit: Work, sale_id: UUID, version: int | None) -> FlashSale:
    sale = unit.flash_sales.lock(sale_id)
    if sale is None:
        raise errors.flash_sale_not_found(sale_id)
    _check_version(sale, version)
    return sale


def _check_version(sale: FlashSale, version: int | None) -> None:
    if version is not None and version != sale.version:
        raise etag_mismatch(sale.name)


def _reserve(unit: Work, sale: FlashSale, units: int) -> None:
    """Reserve units for the sale, or free them when there are fewer than none."""
    if units < 0:
        moving.move(unit, release(None, {sale.place: -units}, source=sale.name))
    elif units > 0:
        shelf = Shelf(unit.stocks.lock([sale.place]), now=unit.now, promises=False)
        shelf.reserve(None, {sale.place: units}, source=sale.name)
        moving.move(unit, shelf.movements)


def _close(unit: Work, sales: Sequence[FlashSale]) -> None:
    places = {sale.id: (sale.place, sale.name) for sale in sales}
    unit.flash_sales.save(sales)
    movements = [
        Movement(places[sale_id][0], MovementKind.RELEASED, 0, -free, source=places[sale_id][1])
        for sale_id, free in unit.flash_sale_units.end(list(places))
        if free
    ]
    moving.move(unit, movements)
