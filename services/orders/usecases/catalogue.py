"""How the catalogue is arranged: groups of variants, categories, channels and stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from kit.errors import etag_mismatch
from kit.names import join
from kit.page import Page
from services.orders.domain import category as tree
from services.orders.domain.category import Category
from services.orders.domain.errors import catalogue as errors
from services.orders.domain.outlet import Outlet, OutletKind
from services.orders.domain.product_group import ProductGroup

R = TypeVar("R")


class Groups(Protocol):
    """The stored groups of variants."""

    def add(self, group: ProductGroup) -> None:
        """Store a new group."""

    def get(self, group_id: UUID) -> ProductGroup | None:
        """The group, if it exists."""

    def lock_all(self, ids: Sequence[UUID]) -> dict[UUID, ProductGroup]:
        """Those of the groups that exist, which nobody else changes until the transaction ends."""

    def save(self, group: ProductGroup) -> None:
        """Store a changed group."""

    def variants(self, group_id: UUID) -> list[Mapping[str, str]]:
        """The options of the products of the group."""

    def page(self, page: Page) -> list[ProductGroup]:
        """The groups of a page and one more if there are more, the latest first."""


class Categories(Protocol):
    """The stored categories."""

    def lock_tree(self) -> None:
        """Nobody else changes the tree until the transaction ends."""

    def add(self, category: Category) -> bool:
        """Store a new category; answers whether its code was free."""

    def get(self, code: str) -> Category | None:
        """The category, if it exists."""

    def save(self, category: Category) -> None:
        """Store a changed category."""

    def delete(self, code: str) -> None:
        """Forget a category."""

    def ancestors(self, code: str) -> list[str]:
        """The category and those above it; nothing if it does not exist."""

    def height(self, code: str) -> int:
        """How many levels it has, with those below it."""

    def used(self, code: str) -> bool:
        """Whether it has categories below it, or products."""

    def page(self, parent: str | None, page: Page) -> list[Category]:
        """The categories below a parent (None: all) and one more if there are more, in the order they are shown."""


class Outlets(Protocol):
    """The stored channels and stores."""

    def add(self, kind: OutletKind, outlet: Outlet) -> bool:
        """Store a new one; answers whether its code was free."""

    def get(self, kind: OutletKind, code: str, *, lock: bool = False) -> Outlet | None:
        """The outlet, if it exists; locked, nobody else changes it until the transaction ends."""

    def save(self, kind: OutletKind, outlet: Outlet) -> None:
        """Store a changed one."""

    def page(self, kind: OutletKind, page: Page, *, org: str = "") -> list[Outlet]:
        """Those of a page and one more if there are more, by their codes; of a part of the organisation, if given."""

    def move(self, code: str, now: datetime) -> None:
        """Let the orders of a store follow it to its part of the organisation."""

    def follow(self, limit: int, now: datetime) -> int:
        """Bring up to so many orders of moved stores to where these belong; answers how many."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def product_groups(self) -> Groups:
        """The stored groups of variants."""

    @property
    def categories(self) -> Categories:
        """The stored categories."""

    @property
    def outlets(self) -> Outlets:
        """The stored channels and stores."""


@dataclass(frozen=True, slots=True)
class Change:
    """Other values, by their names, of what is known by an id or a code; `version`, if given, must be the latest."""

    key: UUID | str
    changes: Mapping[str, object]
    version: int | None


@dataclass(frozen=True, slots=True)
class NewGroup:
    """Begin a group of variants, with contents by their names."""

    group_id: UUID
    contents: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NewOutlet:
    """Open a channel or a store, which belongs to a part of the organisation."""

    kind: OutletKind
    code: str
    title: str
    org: str = ""


@dataclass(frozen=True, slots=True)
class ChangeOutlet:
    """Change a channel or a store."""

    kind: OutletKind
    change: Change


@dataclass(frozen=True, slots=True)
class NewCategory:
    """Begin a category."""

    code: str
    title: str
    parent: str | None
    position: int


@dataclass(frozen=True, slots=True)
class DeleteCategory:
    """Give a category up; `version`, if given, must be the latest."""

    code: str
    version: int | None


def create_group(unit: Work, command: NewGroup) -> ProductGroup:
    """Begin a group of variants."""
    times = {"create_time": unit.now, "update_time": unit.now}
    group = ProductGroup(id=command.group_id, version=1, **times, **command.contents)  # type: ignore[arg-type]
    group.check()
    unit.product_groups.add(group)
    return group


def get_group(unit: Work, group_id: UUID) -> ProductGroup:
    """Read a group."""
    return _found(unit.product_groups.get(group_id), join("productGroups", group_id))


def update_group(unit: Work, command: Change) -> ProductGroup:
    """Change a group. Options that its variants have stay possible."""
    group_id = UUID(str(command.key))
    name = join("productGroups", group_id)
    group = _found(unit.product_groups.lock_all([group_id]).get(group_id), name)
    _check_version(name, group.version, command.version)
    changed = group.update(command.changes, unit.product_groups.variants(group_id), unit.now)
    if changed is not group:
        unit.product_groups.save(changed)
    return changed


def list_groups(unit: Work, page: Page) -> list[ProductGroup]:
    """A page of groups, and one more if there are more."""
    return unit.product_groups.page(page)


def create_category(unit: Work, command: NewCategory) -> Category:
    """Begin a category."""
    category = Category(command.code, command.title, command.parent, command.position, 1, unit.now, unit.now)
    category.check()
    unit.categories.lock_tree()
    _check_place(unit, category, height=1)
    if not unit.categories.add(category):
        raise errors.resource_exists(join("categories", command.code))
    return category


def get_category(unit: Work, code: str) -> Category:
    """Read a category."""
    return _found(unit.categories.get(code), join("categories", code))


def update_category(unit: Work, command: Change) -> Category:
    """Change a category, or move it with all that is below it."""
    code = str(command.key)
    unit.categories.lock_tree()
    category = get_category(unit, code)
    _check_version(join("categories", code), category.version, command.version)
    changed = category.update(command.changes, unit.now)
    if changed.parent != category.parent:
        _check_place(unit, changed, unit.categories.height(code))
    if changed is not category:
        unit.categories.save(changed)
    return changed


def delete_category(unit: Work, command: DeleteCategory) -> None:
    """Give up a category without products and without categories below it."""
    unit.categories.lock_tree()
    category = get_category(unit, command.code)
    _check_version(join("categories", command.code), category.version, command.version)
    if unit.categories.used(command.code):
        raise errors.category_misplaced(command.code, "has products or categories below it")
    unit.categories.delete(command.code)


def list_categories(unit: Work, parent: str | None, page: Page) -> list[Category]:
    """A page of categories, and one more if there are more."""
    return unit.categories.page(parent, page)


def create_outlet(unit: Work, command: NewOutlet) -> Outlet:
    """Open a channel or a store."""
    outlet = Outlet(command.code, command.title, 1, unit.now, unit.now, command.org)
    outlet.check()
    if not unit.outlets.add(command.kind, outlet):
        raise errors.resource_exists(join(command.kind.value, command.code))
    if outlet.org:
        unit.outlets.move(outlet.code, unit.now)  # orders may have named it before
    return outlet


def get_outlet(unit: Work, kind: OutletKind, code: str) -> Outlet:
    """Read a channel or a store."""
    return _found(unit.outlets.get(kind, code), join(kind.value, code))


def update_outlet(unit: Work, command: ChangeOutlet) -> Outlet:
    """Change a channel or a store."""
    code = str(command.change.key)
    name = join(command.kind.value, code)
    outlet = _found(unit.outlets.get(command.kind, code, lock=True), name)
    _check_version(name, outlet.version, command.change.version)
    changed = outlet.update(command.change.changes, unit.now)
    if changed is not outlet:
        unit.outlets.save(command.kind, changed)
    if changed.org != outlet.org:
        unit.outlets.move(code, unit.now)
    return changed


def follow_stores(unit: Work, limit: int) -> int:
    """Bring up to so many orders of stores that moved to their part of the organisation; answers how many."""
    return unit.outlets.follow(limit, unit.now)


def list_outlets(unit: Work, kind: OutletKind, page: Page, *, org: str = "") -> list[Outlet]:
    """A page of channels or stores, and one more if there are more."""
    return unit.outlets.page(kind, page, org=org)


def _check_place(unit: Work, category: Category, height: int) -> None:
    if category.parent is None:
        return
    ancestors = unit.categories.ancestors(category.parent)
    if not ancestors:
        raise errors.resource_not_found(join("categories", category.parent))
    tree.check_place(category.code, ancestors, height)


def _found(resource: R | None, name: str) -> R:
    if resource is None:
        raise errors.resource_not_found(name)
    return resource


def _check_version(name: str, version: int, expected: int | None) -> None:
    if expected is not None and expected != version:
        raise etag_mismatch(name)
