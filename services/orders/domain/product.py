"""A product: something that is sold by the unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit.errors import invalid
from kit.money import Money


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
class Product:
    """What is sold under one SKU; `version` counts its changes from 1."""

    id: UUID
    sku: str
    title: str
    price: Money
    state: ProductState
    version: int
    create_time: datetime
    update_time: datetime
    category: str = ""

    @classmethod
    def create(
        cls, product_id: UUID, *, sku: str, title: str, price: Money, category: str = "", now: datetime
    ) -> Product:
        """A product on sale. Raises a Fault for a blank SKU or title."""
        _filled("product.sku", sku)
        _filled("product.title", title)
        return cls(
            product_id,
            sku,
            title,
            price,
            ProductState.ACTIVE,
            version=1,
            create_time=now,
            update_time=now,
            category=category,
        )

    def update(self, *, title: str | None, price: Money | None, category: str | None = None, now: datetime) -> Product:
        """With another title, price or category; None keeps what is there."""
        if title is not None:
            _filled("product.title", title)
        return self._changed(
            now,
            title=self.title if title is None else title,
            price=self.price if price is None else price,
            category=self.category if category is None else category,
        )

    def archive(self, now: datetime) -> Product:
        """Withdrawn from sale; an archived product stays as it is."""
        return self._changed(now, state=ProductState.ARCHIVED)

    def activate(self, now: datetime) -> Product:
        """On sale again; an active product stays as it is."""
        return self._changed(now, state=ProductState.ACTIVE)

    @property
    def active(self) -> bool:
        """Whether new orders may name it."""
        return self.state is ProductState.ACTIVE

    def _changed(self, now: datetime, **values: object) -> Product:
        changed = replace(self, **values)  # type: ignore[arg-type]
        return self if changed == self else replace(changed, version=self.version + 1, update_time=now)


def _filled(field: str, value: str) -> None:
    if not value.strip():
        raise invalid(field, "must not be blank")
