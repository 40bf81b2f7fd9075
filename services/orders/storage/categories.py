"""Categories: rows to domain and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from kit.page import Page
from services.orders.domain.category import Category
from services.orders.storage.tables.catalogue import categories

# Whoever changes the shape of the tree waits for others who do; whoever reads it does not.
_LOCK = text("lock table categories in share row exclusive mode")
_ANCESTORS = text("""
    with recursive above as (
        select code, parent from categories where code = :code
        union select c.code, c.parent from categories c join above a on c.code = a.parent
    ) select code from above
""")
_HEIGHT = text("""
    with recursive below as (
        select code, 1 as level from categories where code = :code
        union all select c.code, b.level + 1 from categories c join below b on c.parent = b.code
    ) select coalesce(max(level), 1) from below
""")
_SUBTREE = text("""
    with recursive below as (
        select cast(:code as text) as code
        union select c.code from categories c join below b on c.parent = b.code
    ) select code from below
""")
_USED = text("""
    select exists (select from categories where parent = :code) or exists (select from products where category = :code)
""")
_DELETE = text("delete from categories where code = :code")


class CategoryStore:
    """The categories of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_tree(self) -> None:
        """Nobody else changes the tree until the transaction ends."""
        self._connection.execute(_LOCK)

    def add(self, category: Category) -> bool:
        """Store a new category; answers whether its code was free."""
        statement = insert(categories).values(**_row(category)).on_conflict_do_nothing().returning(categories.c.code)
        return self._connection.execute(statement).one_or_none() is not None

    def get(self, code: str) -> Category | None:
        """The category, if it exists."""
        row = self._connection.execute(select(categories).where(categories.c.code == code)).one_or_none()
        return _category(row) if row else None

    def save(self, category: Category) -> None:
        """Store a changed category."""
        statement = update(categories).where(categories.c.code == category.code)
        self._connection.execute(statement.values(**_row(category)))

    def delete(self, code: str) -> None:
        """Forget a category."""
        self._connection.execute(_DELETE, {"code": code})

    def ancestors(self, code: str) -> list[str]:
        """The category and those above it; nothing if it does not exist."""
        return [row.code for row in self._connection.execute(_ANCESTORS, {"code": code})]

    def height(self, code: str) -> int:
        """How many levels it has, with those below it."""
        return int(self._connection.execute(_HEIGHT, {"code": code}).scalar_one())

    def subtree(self, code: str) -> list[str]:
        """The code and those of all categories below it."""
        return [row.code for row in self._connection.execute(_SUBTREE, {"code": code})]

    def used(self, code: str) -> bool:
        """Whether it has categories below it, or products."""
        return bool(self._connection.execute(_USED, {"code": code}).scalar_one())

    def page(self, parent: str | None, page: Page) -> list[Category]:
        """The categories below a parent (None: all) and one more if there are more, in the order they are shown."""
        place = (categories.c.position, categories.c.code)
        statement = select(categories).order_by(*place).limit(page.fetch)
        if parent is not None:
            statement = statement.where(categories.c.parent == parent)
        if page.after is not None:
            statement = statement.where(tuple_(*place) > (int(page.after[0]), page.after[1]))
        return [_category(row) for row in self._connection.execute(statement)]


def _row(category: Category) -> dict[str, object]:
    return {
        "code": category.code,
        "title": category.title,
        "parent": category.parent,
        "position": category.position,
        "version": category.version,
        "create_time": category.create_time,
        "update_time": category.update_time,
    }


def _category(row: Row[*tuple[Any, ...]]) -> Category:
    return Category(row.code, row.title, row.parent, row.position, row.version, row.create_time, row.update_time)
