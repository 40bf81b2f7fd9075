"""Products: put on sale, read, change, withdraw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import etag_mismatch
from kit.money import Money
from kit.names import join
from kit.page import Page
from services.orders.domain import errors
from services.orders.domain.product import Product, ProductQuery
from services.orders.domain.stock import Place


class Products(Protocol):
    """The stored products."""

    def add(self, product: Product) -> None:
        """Store a new product. Raises a Fault when its SKU is taken."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""

    def lock(self, product_id: UUID) -> Product | None:
        """The product, which nobody else changes until the transaction ends."""

    def save(self, product: Product) -> None:
        """Store a changed product."""

    def page(self, query: ProductQuery, page: Page) -> list[Product]:
        """The products of a page and one more if there are more, the latest first."""


class Shelves(Protocol):
    """The stored stock, as far as a new product needs it."""

    def open(self, place: Place, now: datetime) -> None:
        """Begin to keep stock at a place, with nothing there."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def stocks(self) -> Shelves:
        """The stored stock."""


@dataclass(frozen=True, slots=True)
class CreateProduct:
    """Put a product on sale."""

    product_id: UUID
    sku: str
    title: str
    price: Money
    category: str = ""


@dataclass(frozen=True, slots=True)
class UpdateProduct:
    """Change what is not None; `version`, if given, must be the latest."""

    product_id: UUID
    title: str | None
    price: Money | None
    category: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class ChangeProduct:
    """Archive or activate a product; `version`, if given, must be the latest."""

    product_id: UUID
    version: int | None


def create_product(unit: Work, command: CreateProduct) -> Product:
    """Put a product on sale, with no stock yet. Raises a Fault when the SKU is taken."""
    product = Product.create(
        command.product_id,
        sku=command.sku,
        title=command.title,
        price=command.price,
        category=command.category,
        now=unit.now,
    )
    unit.products.add(product)
    unit.stocks.open(Place(product.id), unit.now)
    return product


def get_product(unit: Work, product_id: UUID) -> Product:
    """Read a product."""
    product = unit.products.get([product_id]).get(product_id)
    if product is None:
        raise errors.product_not_found(product_id)
    return product


def find_products(unit: Work, batch: Sequence[Sequence[UUID]]) -> list[dict[UUID, Product]]:
    """The products of many calls, read at once; each call gets those of all."""
    found = unit.products.get(sorted({product for ids in batch for product in ids}))
    return [found] * len(batch)


def list_products(unit: Work, query: ProductQuery, page: Page) -> list[Product]:
    """A page of products, and one more if there are more."""
    return unit.products.page(query, page)


def update_product(unit: Work, command: UpdateProduct) -> Product:
    """Change a product's title, price or category."""
    product = _locked(unit, command.product_id, command.version)
    changed = product.update(title=command.title, price=command.price, category=command.category, now=unit.now)
    return _saved(unit, product, changed)


def archive_product(unit: Work, command: ChangeProduct) -> Product:
    """Withdraw a product from sale."""
    product = _locked(unit, command.product_id, command.version)
    return _saved(unit, product, product.archive(unit.now))


def activate_product(unit: Work, command: ChangeProduct) -> Product:
    """Put a product on sale again."""
    product = _locked(unit, command.product_id, command.version)
    return _saved(unit, product, product.activate(unit.now))


def _locked(unit: Work, product_id: UUID, version: int | None) -> Product:
    product = unit.products.lock(product_id)
    if product is None:
        raise errors.product_not_found(product_id)
    if version is not None and version != product.version:
        raise etag_mismatch(join("products", product_id))
    return product


def _saved(unit: Work, before: Product, after: Product) -> Product:
    if after != before:
        unit.products.save(after)
    return after
