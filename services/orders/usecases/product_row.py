"""The rows of an import one by one: the product that each becomes, among those that are there and those before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import invalid
from kit.names import join
from services.orders.domain.errors import catalogue
from services.orders.domain.product import Component, Product
from services.orders.domain.product_group import Option, ProductGroup
from services.orders.domain.product_import import Outcome, ProductRow, RowGroup, RowResult, product_of

Variant = tuple[UUID, frozenset[tuple[str, str]]]
"""A group, and the options of one of its products."""


class Products(Protocol):
    """The stored products."""

    def lock_skus(self, skus: Sequence[str]) -> dict[str, Product]:
        """Those of the products that exist, which nobody else changes until the transaction ends."""

    def components_among(self, ids: Sequence[UUID]) -> set[UUID]:
        """Which of the products are in some bundle."""


class Groups(Protocol):
    """The stored groups of variants."""

    def lock_all(self, ids: Sequence[UUID]) -> dict[UUID, ProductGroup]:
        """Those of the groups that exist, which nobody else changes until the transaction ends."""

    def taken(self, ids: Sequence[UUID]) -> dict[Variant, UUID]:
        """The variants of groups: by group and options the product."""

    def put(self, groups: Sequence[ProductGroup]) -> None:
        """Store groups, new ones and locked ones that changed."""


class Locations(Protocol):
    """The stored locations."""

    def among(self, ids: Sequence[str]) -> set[str]:
        """Which of the locations exist."""


class RowWork(Protocol):
    """What reading what is known needs of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def products(self) -> Products:
        """The stored products."""

    @property
    def product_groups(self) -> Groups:
        """The stored groups."""

    @property
    def locations(self) -> Locations:
        """The stored locations."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


@dataclass(slots=True)
class Known:
    """What is there, with what the rows so far have made of it."""

    now: datetime
    products: dict[str, Product]
    groups: dict[UUID, ProductGroup]
    variants: dict[Variant, UUID]
    components: set[UUID]
    fresh: dict[UUID, Product] = field(default_factory=dict)
    changed: dict[UUID, Product] = field(default_factory=dict)
    _stored_groups: Mapping[UUID, ProductGroup] = field(default_factory=dict)

    @classmethod
    def of(cls, unit: RowWork, rows: Sequence[ProductRow]) -> Known:
        """What the rows may touch."""
        skus = {row.sku for row in rows} | {sku for row in rows for sku, _ in row.components}
        products = unit.products.lock_skus(sorted(skus))
        wanted = {row.group.id for row in rows if row.group is not None}
        wanted |= {each.group for each in products.values() if each.group is not None}
        groups = unit.product_groups.lock_all(sorted(wanted)) if wanted else {}
        bundles = [products[row.sku].id for row in rows if row.components and row.sku in products]
        return cls(
            unit.now,
            dict(products),
            dict(groups),
            unit.product_groups.taken(sorted(groups)),
            unit.products.components_among(bundles),
            _stored_groups=groups,
        )

    def ids(self) -> list[UUID]:
        """The products that were there before."""
        return sorted(each.id for each in self.products.values())

    def has(self, product: UUID) -> bool:
        """Whether the product was there before."""
        return product not in self.fresh

    def changed_groups(self) -> list[ProductGroup]:
        """The groups that are new, or have other options."""
        return [group for key, group in sorted(self.groups.items()) if group is not self._stored_groups.get(key)]

    def take(self, row: ProductRow) -> RowResult:
        """The row's product is there, or is another one now. Raises a Fault, and changes nothing, if it can't be."""
        before = self.products.get(row.sku)
        group = self._group(row.group, row, before) if row.group is not None else None
        contents = dict(row.contents)
        if group is not None:
            contents |= {"group": group.id, "options": self._options(row, before, group)}
        if row.components:
            contents["components"] = self._components(row, before)
        after = product_of(row, contents, self.now) if before is None else before.update(contents, self.now)
        if group is not None:
            self._claim((group.id, frozenset(after.options.items())), after.id)
            self.groups[group.id] = group
        self.products[row.sku] = after
        self.components |= {part.product for part in after.components}
        if before is None:
            self.fresh[after.id] = after
            return RowResult(Outcome.CREATED, after.id)
        if after is before:
            return RowResult(Outcome.UNCHANGED, after.id)
        self.changed[after.id] = after
        return RowResult(Outcome.UPDATED, after.id)

    def _options(self, row: ProductRow, before: Product | None, group: ProductGroup) -> Mapping[str, str]:
        """What tells the variant: what the row says, or what was said before."""
        stays = not row.options and before is not None and before.group == group.id
        return before.options if before is not None and stays else dict(row.options)

    def _group(self, named: RowGroup, row: ProductRow, before: Product | None) -> ProductGroup:
        group = self.groups.get(named.id)
        options = row.options if group is None else self._options(row, before, group)
        if group is None:
            if not named.code:
                raise catalogue.resource_not_found(join("productGroups", named.id))
            if not options:
                raise invalid("options", "are needed, for the group is new")
            begun = tuple(Option(name, (value,)) for name, value in options.items())
            group = ProductGroup(named.id, named.title or named.code, begun, 1, self.now, self.now)
            group.check()
            return group
        wider = group.extended(options, self.now)
        if fault := wider.misfit(options):
            raise fault
        return wider

    def _claim(self, variant: Variant, product: UUID) -> None:
        if self.variants.get(variant, product) != product:
            raise catalogue.variant_taken()
        for held in [each for each, owner in self.variants.items() if owner == product]:
            del self.variants[held]
        self.variants[variant] = product

    def _components(self, row: ProductRow, before: Product | None) -> tuple[Component, ...]:
        if before is not None and before.id in self.components:
            raise catalogue.bundle_nested(before.id)
        return tuple(Component(self._component(sku, row), units) for sku, units in row.components)

    def _component(self, sku: str, row: ProductRow) -> UUID:
        part = self.products.get(sku)
        if part is None or sku == row.sku:
            raise invalid("components", f"{sku} is no other product")
        if part.bundle:
            raise catalogue.bundle_nested(part.id)
        return part.id
