"""A product: something that is sold by the unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from kit.errors import Fault, invalid
from kit.money import Money
from services.orders.domain import errors
from services.orders.domain.errors import catalogue

EVERYWHERE = "*"
"""Stands for every channel that a product's publications do not name."""


class ProductState(StrEnum):
    """Whether a product can be sold."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """Which products to list; None asks for no filter."""

    sku: str | None = None
    state: ProductState | None = None


@dataclass(frozen=True, slots=True)
class ProductSearch:
    """Which products to find; what is None or empty asks for no filter. `terms` are those of domain/search.py;
    `categories` are a category and all below it; prices are the products' own, in minor units of `currency`; `channel`
    finds what is offered there now."""

    terms: frozenset[str] = frozenset()
    categories: tuple[str, ...] | None = None
    state: ProductState | None = None
    group: UUID | None = None
    channel: str = ""
    currency: str = ""
    min_price: int | None = None
    max_price: int | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of a product, by its address."""

    url: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """`quantity` units of a product that are in one unit of a bundle."""

    product: UUID
    quantity: int


@dataclass(frozen=True, slots=True)
class Window:
    """The time [start, end); None is without end on that side."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether `now` is within."""
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)


ALWAYS = Window()
PUBLISHED: Mapping[str, Window | None] = MappingProxyType({EVERYWHERE: ALWAYS})


@dataclass(frozen=True, slots=True)
class Content:
    """What a merchant says of a product beside its SKU. `price` is that of one unit unless the product is a bundle
    that is `summed`: then the prices of its components make it up. `options` tell the variant within its `group`.
    `weight_grams` 0 is unknown or none, `purchase_limit` (units of one order) 0 is none."""

    title: str
    price: Money
    category: str = ""
    description: str = ""
    images: tuple[Image, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    weight_grams: int = 0
    tax_class: str = ""
    purchase_limit: int = 0
    group: UUID | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    components: tuple[Component, ...] = ()
    summed: bool = False

    def check(self) -> None:
        """Raise a Fault unless it makes sense by itself."""
        _filled("product.title", self.title)
        parts = {component.product for component in self.components}
        if len(parts) != len(self.components):
            raise invalid("product.components", "must name each product once")
        if self.summed and not self.components:
            raise invalid("product.summed", "is for bundles")
        if self.options and self.group is None:
            raise invalid("product.options", "are for variants of a group")


CONTENT = tuple(each.name for each in fields(Content))
"""The names of what can be changed."""


@dataclass(frozen=True, slots=True)
class Product(Content):
    """What is sold under one SKU; `version` counts its changes from 1. `publications` say where and when it is
    offered: a channel's own window (None: withheld), or else that of EVERYWHERE."""

    id: UUID = field(kw_only=True)
    sku: str = field(kw_only=True)
    state: ProductState = field(kw_only=True)
    version: int = field(kw_only=True)
    create_time: datetime = field(kw_only=True)
    update_time: datetime = field(kw_only=True)
    publications: Mapping[str, Window | None] = field(default_factory=lambda: PUBLISHED, kw_only=True)

    @classmethod
    def create(cls, product_id: UUID, sku: str, content: Content, now: datetime) -> Product:
        """A product on sale. Raises a Fault for a blank SKU or title, and for contents that make no sense."""
        _filled("product.sku", sku)
        product = cls(
            **{name: getattr(content, name) for name in CONTENT},
            id=product_id,
            sku=sku,
            state=ProductState.ACTIVE,
            version=1,
            create_time=now,
            update_time=now,
        )
        product.check()
        return product

    def update(self, changes: Mapping[str, object], now: datetime) -> Product:
        """With other contents, by their names in CONTENT."""
        changed = self._changed(now, **changes)
        changed.check()
        if any(component.product == self.id for component in changed.components):
            raise catalogue.bundle_nested(self.id)
        return changed

    def archive(self, now: datetime) -> Product:
        """Withdrawn from sale; an archived product stays as it is."""
        return self._changed(now, state=ProductState.ARCHIVED)

    def activate(self, now: datetime) -> Product:
        """On sale again; an active product stays as it is."""
        return self._changed(now, state=ProductState.ACTIVE)

    def publish(self, channel: str, window: Window | None, now: datetime) -> Product:
        """Offered in a channel, or EVERYWHERE that is not named, within a window; None withholds it there."""
        return self._changed(now, publications={**self.publications, channel: window})

    @property
    def active(self) -> bool:
        """Whether new orders may name it."""
        return self.state is ProductState.ACTIVE

    @property
    def bundle(self) -> bool:
        """Whether it is made of other products."""
        return bool(self.components)

    def parts(self, units: int) -> list[tuple[UUID, int]]:
        """The units of stock that units of it are: of a bundle those of its components."""
        return [(part.product, part.quantity * units) for part in self.components] or [(self.id, units)]

    def offered(self, channel: str, now: datetime) -> bool:
        """Whether a channel offers it."""
        own = self.publications.get(channel, self.publications.get(EVERYWHERE))
        return own is not None and own.holds(now)

    def unsellable(self, channel: str, now: datetime) -> Fault | None:
        """Why a channel can't sell it; None when it can."""
        if not self.active:
            return errors.product_archived(self.id)
        return None if self.offered(channel, now) else catalogue.product_unpublished(self.id, channel)

    def _changed(self, now: datetime, **values: object) -> Product:
        changed = replace(self, **values)  # type: ignore[arg-type]
        return self if changed == self else replace(changed, version=self.version + 1, update_time=now)


def _filled(path: str, value: str) -> None:
    if not value.strip():
        raise invalid(path, "must not be blank")
