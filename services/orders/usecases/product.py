"""Products: put on sale, read, change, withdraw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast
from uuid import UUID

from kit.errors import Fault, etag_mismatch
from kit.names import join
from kit.page import Page
from services.orders.domain import errors
from services.orders.domain.errors import catalogue
from services.orders.domain.events import ProductChanged
from services.orders.domain.product import Component, Content, Product, ProductQuery, Window
from services.orders.domain.product_group import ProductGroup
from services.orders.domain.stock import Place


class Products(Protocol):
    """The stored products."""

    def add(self, *fresh: Product) -> None:
        """Store new products. Raises a Fault when a SKU or a variant is taken."""

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""

    def lock_all(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """As `get`; nobody else changes them until the transaction ends."""

    def save(self, *changed: Product) -> None:
        """Store changed products. Raises a Fault when a variant is taken."""

    def components_among(self, ids: Sequence[UUID]) -> set[UUID]:
        """Which of the products are in some bundle."""

    def page(self, query: ProductQuery, page: Page) -> list[Product]:
        """The products of a page and one more if there are more, the latest first."""


class Groups(Protocol):
    """The stored groups of variants, as products need them."""

    def lock_all(self, ids: Sequence[UUID]) -> dict[UUID, ProductGroup]:
        """Those of the groups that exist, which nobody else changes until the transaction ends."""


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
    def product_groups(self) -> Groups:
        """The stored groups of variants."""

    @property
    def stocks(self) -> Shelves:
        """The stored stock."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


@dataclass(frozen=True, slots=True)
class CreateProduct:
    """Put a product on sale."""

    product_id: UUID
    sku: str
    content: Content


@dataclass(frozen=True, slots=True)
class UpdateProduct:
    """Change contents, by their names in CONTENT; `version`, if given, must be the latest."""

    product_id: UUID
    changes: Mapping[str, object]
    version: int | None


@dataclass(frozen=True, slots=True)
class ChangeProduct:
    """Archive or activate a product; `version`, if given, must be the latest."""

    product_id: UUID
    version: int | None


@dataclass(frozen=True, slots=True)
class PublishProduct:
    """Offer a product in a channel (or in EVERYWHERE that is not named) within a window; None withholds it there."""

    product_id: UUID
    channel: str
    window: Window | None
    version: int | None


def create_product(unit: Work, command: CreateProduct) -> Product:
    """Put a product on sale, with no stock yet. Raises a Fault when the SKU is taken."""
    product = Product.create(command.product_id, command.sku, command.content, unit.now)
    check_relations(unit, [product], unit.products.lock_all(related([product])))
    unit.products.add(product)
    unit.stocks.open(Place(product.id), unit.now)
    unit.emit([ProductChanged(product)])
    return product


def get_product(unit: Work, product_id: UUID) -> Product:
    """Read a product."""
    product = unit.products.get([product_id]).get(product_id)
    if product is None:
        raise errors.product_not_found(product_id)
    return product


def list_products(unit: Work, query: ProductQuery, page: Page) -> list[Product]:
    """A page of products, and one more if there are more."""
    return unit.products.page(query, page)


def update_product(unit: Work, command: UpdateProduct) -> Product:
    """Change what a product is."""
    parts = tuple(cast("tuple[Component, ...]", command.changes.get("components", ())))
    known = unit.products.lock_all([command.product_id, *(part.product for part in parts)])
    product = _current(known.get(command.product_id), command.product_id, command.version)
    changed = product.update(command.changes, unit.now)
    if any(getattr(changed, name) != getattr(product, name) for name in ("components", "group", "options")):
        check_relations(unit, [changed], known)
    return _saved(unit, product, changed)


def archive_product(unit: Work, command: ChangeProduct) -> Product:
    """Withdraw a product from sale."""
    product = _locked(unit, command.product_id, command.version)
    return _saved(unit, product, product.archive(unit.now))


def activate_product(unit: Work, command: ChangeProduct) -> Product:
    """Put a product on sale again."""
    product = _locked(unit, command.product_id, command.version)
    return _saved(unit, product, product.activate(unit.now))


def publish_product(unit: Work, command: PublishProduct) -> Product:
    """Offer a product somewhere, or withhold it."""
    product = _locked(unit, command.product_id, command.version)
    return _saved(unit, product, product.publish(command.channel, command.window, unit.now))


def related(products: Iterable[Product]) -> list[UUID]:
    """What the bundles among the products are made of."""
    return sorted({part.product for product in products for part in product.components})


def check_relations(unit: Work, products: Sequence[Product], known: Mapping[UUID, Product]) -> None:
    """Raise the Fault of the first product that does not fit its group or its components, which are locked in `known`.

    That a variant is unique in its group is for the database to say.
    """
    for fault in misfits(unit, products, known).values():
        raise fault


def misfits(unit: Work, products: Sequence[Product], known: Mapping[UUID, Product]) -> dict[UUID, Fault]:
    """As `check_relations`, for each of the products that does not fit."""
    ids = sorted({product.group for product in products if product.group})
    groups = unit.product_groups.lock_all(ids) if ids else {}
    bundled = unit.products.components_among([product.id for product in products if product.bundle])
    found = ((product.id, _misfit(product, known, groups, bundled)) for product in products)
    return {product_id: fault for product_id, fault in found if fault}


def _misfit(
    product: Product, known: Mapping[UUID, Product], groups: Mapping[UUID, ProductGroup], bundled: set[UUID]
) -> Fault | None:
    for part in product.components:
        component = known.get(part.product)
        if component is None:
            return errors.product_not_found(part.product)
        if component.bundle:
            return catalogue.bundle_nested(component.id)
    if product.id in bundled:
        return catalogue.bundle_nested(product.id)
    if product.group is None:
        return None
    group = groups.get(product.group)
    if group is None:
        return catalogue.resource_not_found(join("productGroups", product.group))
    return group.misfit(product.options)


def _locked(unit: Work, product_id: UUID, version: int | None) -> Product:
    return _current(unit.products.lock_all([product_id]).get(product_id), product_id, version)


def _current(product: Product | None, product_id: UUID, version: int | None) -> Product:
    if product is None:
        raise errors.product_not_found(product_id)
    if version is not None and version != product.version:
        raise etag_mismatch(join("products", product_id))
    return product


def _saved(unit: Work, before: Product, after: Product) -> Product:
    if after != before:
        unit.products.save(after)
        unit.emit([ProductChanged(after)])
    return after
