"""Price lists: made, changed, filled with prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import etag_mismatch, invalid
from kit.names import join
from kit.page import Page
from services.orders.domain import errors
from services.orders.domain.errors import catalogue
from services.orders.domain.events import PriceChanged
from services.orders.domain.price_list import Entry, PriceList, Terms
from services.orders.domain.product import Product, ProductState


class PriceLists(Protocol):
    """The stored price lists."""

    def add(self, price_list: PriceList) -> None:
        """Store a new list."""

    def get(self, list_id: UUID) -> PriceList | None:
        """The list, if it exists."""

    def lock(self, list_id: UUID) -> PriceList | None:
        """The list, which nobody else changes until the transaction ends."""

    def save(self, price_list: PriceList) -> None:
        """Store a changed list."""

    def page(self, page: Page) -> list[PriceList]:
        """The lists of a page and one more if there are more, the latest first."""

    def set(self, list_id: UUID, entries: Sequence[Entry]) -> None:
        """Store entries over those that are there."""

    def remove(self, list_id: UUID, places: Sequence[tuple[UUID, int]]) -> None:
        """Forget the entries of products and quantities."""

    def entries(self, list_id: UUID, product: UUID | None, page: Page) -> list[Entry]:
        """The entries of a page and one more if there are more, by product and quantity."""


class Products(Protocol):
    """The stored products."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def price_lists(self) -> PriceLists:
        """The stored price lists."""

    @property
    def products(self) -> Products:
        """The stored products."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


@dataclass(frozen=True, slots=True)
class CreatePriceList:
    """Begin a price list, without prices."""

    list_id: UUID
    terms: Terms


@dataclass(frozen=True, slots=True)
class UpdatePriceList:
    """Change terms by their names, or the state; `times` are the `start` and the `end` of when it holds. `version`, if
    given, must be the latest."""

    list_id: UUID
    changes: Mapping[str, object]
    version: int | None
    times: Mapping[str, datetime | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetPrices:
    """Set and remove prices of a list; all of it or nothing. `version`, if given, must be the latest."""

    list_id: UUID
    entries: tuple[Entry, ...]
    currencies: frozenset[str]
    removed: tuple[tuple[UUID, int], ...]
    version: int | None


def create_price_list(unit: Work, command: CreatePriceList) -> PriceList:
    """Begin a price list."""
    terms = {name: getattr(command.terms, name) for name in Terms.__dataclass_fields__}
    price_list = PriceList(
        **terms,
        id=command.list_id,
        state=ProductState.ACTIVE,
        version=1,
        create_time=unit.now,
        update_time=unit.now,
    )
    price_list.check()
    unit.price_lists.add(price_list)
    unit.emit([PriceChanged(price_list)])
    return price_list


def get_price_list(unit: Work, list_id: UUID) -> PriceList:
    """Read a price list."""
    return _found(unit.price_lists.get(list_id), list_id)


def list_price_lists(unit: Work, page: Page) -> list[PriceList]:
    """A page of price lists, and one more if there are more."""
    return unit.price_lists.page(page)


def update_price_list(unit: Work, command: UpdatePriceList) -> PriceList:
    """Change what a price list asks for, or whether it counts."""
    price_list = _locked(unit, command.list_id, command.version)
    window = replace(price_list.window, **command.times)
    changed = price_list.update({**command.changes, "window": window}, unit.now)
    if changed is not price_list:
        unit.price_lists.save(changed)
        unit.emit([PriceChanged(changed)])
    return changed


def set_prices(unit: Work, command: SetPrices) -> PriceList:
    """Set and remove prices of a list."""
    price_list = _locked(unit, command.list_id, command.version)
    if command.currencies - {price_list.currency}:
        raise invalid("prices", f"must be in {price_list.currency}, the currency of the list")
    wanted = {entry.product for entry in command.entries}
    unknown = wanted - unit.products.get(sorted(wanted)).keys()
    if unknown:
        raise errors.product_not_found(min(unknown))
    if command.removed:
        unit.price_lists.remove(price_list.id, command.removed)
    if command.entries:
        unit.price_lists.set(price_list.id, command.entries)
    touched = price_list.touched(unit.now)
    unit.price_lists.save(touched)
    unit.emit([PriceChanged(touched, command.entries, command.removed)])
    return touched


def list_prices(unit: Work, list_id: UUID, product: UUID | None, page: Page) -> tuple[PriceList, list[Entry]]:
    """A price list, and a page of its prices with one more if there are more."""
    return get_price_list(unit, list_id), unit.price_lists.entries(list_id, product, page)


def _locked(unit: Work, list_id: UUID, version: int | None) -> PriceList:
    price_list = _found(unit.price_lists.lock(list_id), list_id)
    if version is not None and version != price_list.version:
        raise etag_mismatch(join("priceLists", list_id))
    return price_list


def _found(price_list: PriceList | None, list_id: UUID) -> PriceList:
    if price_list is None:
        raise catalogue.resource_not_found(join("priceLists", list_id))
    return price_list
