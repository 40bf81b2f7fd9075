"""Presales made, read and cancelled. Buying in them is `presale_purchase`; the rest of their orders' lives is
`presale_parts` and `presale_sweeps`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import etag_mismatch, invalid
from kit.page import Page
from services.orders.domain.errors import presale as errors
from services.orders.domain.errors import product_archived, product_not_found
from services.orders.domain.presale import Presale, PresaleQuery, Terms
from services.orders.domain.presale_order import PresaleOrder
from services.orders.domain.product import Product


class Presales(Protocol):
    """The stored presales."""

    def add(self, presale: Presale) -> None:
        """Store a new presale."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Presale]:
        """Those of the presales that exist."""

    def lock(self, ids: Iterable[UUID]) -> dict[UUID, Presale]:
        """As `get`; nobody else changes them until the transaction ends."""

    def save(self, presale: Presale) -> None:
        """Store a locked presale that was cancelled."""

    def page(self, query: PresaleQuery, page: Page) -> list[Presale]:
        """The presales of a page and one more if there are more, the latest start first."""


class PresaleOrders(Protocol):
    """The stored orders of presales."""

    def page(self, presale: UUID, page: Page, *, org: str = "") -> list[PresaleOrder]:
        """The orders of a page and one more if there are more, the first first."""


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
    def presales(self) -> Presales:
        """The stored presales."""

    @property
    def presale_orders(self) -> PresaleOrders:
        """The stored orders of presales."""

    @property
    def products(self) -> Products:
        """The stored products."""


@dataclass(frozen=True, slots=True)
class CreatePresale:
    """Make a presale of a product."""

    presale_id: UUID
    product: UUID
    terms: Terms


@dataclass(frozen=True, slots=True)
class CancelPresale:
    """End a presale before its time; `version`, if given, must be the latest."""

    presale_id: UUID
    version: int | None


def create_presale(unit: Work, command: CreatePresale) -> Presale:
    """Make a presale. Its units come from stock, or are promised before they arrive, when somebody buys."""
    product = unit.products.get([command.product]).get(command.product)
    if product is None:
        raise product_not_found(command.product)
    if not product.active:
        raise product_archived(product.id)
    if command.terms.price.currency != product.price.currency:
        raise invalid("presale.price", f"must be in {product.price.currency}, as the product's")
    made = Presale.schedule(command.presale_id, product.id, command.terms, unit.now)
    unit.presales.add(made)
    return made


def get_presale(unit: Work, presale_id: UUID) -> Presale:
    """Read a presale."""
    return _existing(unit.presales.get([presale_id]), presale_id)


def list_presales(unit: Work, query: PresaleQuery, page: Page) -> list[Presale]:
    """A page of presales, and one more if there are more."""
    return unit.presales.page(query, page)


def list_presale_orders(unit: Work, presale_id: UUID, page: Page, *, org: str = "") -> list[PresaleOrder]:
    """A page of a presale's orders, and one more if there are more."""
    return unit.presale_orders.page(get_presale(unit, presale_id).id, page, org=org)


def cancel_presale(unit: Work, command: CancelPresale) -> Presale:
    """Let nobody buy any more; a timer gives up what is not paid in full, and gives all of it back."""
    found = _existing(unit.presales.lock([command.presale_id]), command.presale_id)
    cancelled = found.cancel(unit.now)
    if cancelled is not found:
        if command.version is not None and command.version != found.version:
            raise etag_mismatch(found.name)
        unit.presales.save(cancelled)
    return cancelled


def _existing(found: dict[UUID, Presale], presale_id: UUID) -> Presale:
    presale = found.get(presale_id)
    if presale is None:
        raise errors.presale_not_found(presale_id)
    return presale
