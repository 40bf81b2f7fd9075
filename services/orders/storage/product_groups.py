"""Groups of variants: rows to domain and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql

from kit.errors import conflict
from kit.page import Page
from services.orders.domain.product import Image
from services.orders.domain.product_group import Option, ProductGroup
from services.orders.storage.tables.catalogue import product_groups
from services.orders.storage.tables.core import products


class ProductGroupStore:
    """The groups of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, group: ProductGroup) -> None:
        """Store a new group."""
        self._connection.execute(insert(product_groups).values(**_row(group)))

    def get(self, group_id: UUID) -> ProductGroup | None:
        """The group, if it exists."""
        row = self._connection.execute(select(product_groups).where(product_groups.c.id == group_id)).one_or_none()
        return _group(row) if row else None

    def lock_all(self, ids: Sequence[UUID]) -> dict[UUID, ProductGroup]:
        """Those of the groups that exist, which nobody else changes until the transaction ends."""
        query = select(product_groups).where(product_groups.c.id.in_(ids)).order_by(product_groups.c.id)
        return {each.id: each for each in map(_group, self._connection.execute(query.with_for_update(key_share=True)))}

    def save(self, group: ProductGroup) -> None:
        """Store a changed group."""
        self._connection.execute(update(product_groups).where(product_groups.c.id == group.id).values(**_row(group)))

    def put(self, groups: Sequence[ProductGroup]) -> None:
        """Store new groups, and locked ones that changed. Raises a Fault when another call just began one."""
        if groups:
            statement = postgresql.insert(product_groups).values([_row(group) for group in groups])
            changed = {name: statement.excluded[name] for name in ("options", "version", "update_time")}
            newer = product_groups.c.version == statement.excluded.version - 1
            upsert = statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=newer)
            if self._connection.execute(upsert).rowcount != len(groups):
                raise conflict()

    def taken(self, ids: Sequence[UUID]) -> dict[tuple[UUID, frozenset[tuple[str, str]]], UUID]:
        """The variants of groups: by group and options the product."""
        query = select(products.c.group_id, products.c.options, products.c.id).where(products.c.group_id.in_(ids))
        rows = self._connection.execute(query) if ids else ()
        return {(UUID(str(row[0])), frozenset(row[1].items())): UUID(str(row[2])) for row in rows}

    def variants(self, group_id: UUID) -> list[Mapping[str, str]]:
        """The options of the products of the group."""
        rows = self._connection.execute(select(products.c.options).where(products.c.group_id == group_id))
        return [row.options for row in rows]

    def page(self, page: Page) -> list[ProductGroup]:
        """The groups of a page and one more if there are more, the latest first."""
        place = (product_groups.c.create_time, product_groups.c.id)
        statement = select(product_groups).order_by(*(each.desc() for each in place)).limit(page.fetch)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(*place) < at)
        return [_group(row) for row in self._connection.execute(statement)]


def _row(group: ProductGroup) -> dict[str, object]:
    return {
        "id": group.id,
        "title": group.title,
        "description": group.description,
        "options": [[option.name, list(option.values)] for option in group.options],
        "images": [[image.url, image.alt] for image in group.images],
        "version": group.version,
        "create_time": group.create_time,
        "update_time": group.update_time,
    }


def _group(row: Row[*tuple[Any, ...]]) -> ProductGroup:
    return ProductGroup(
        id=UUID(str(row.id)),
        title=row.title,
        options=tuple(Option(name, tuple(values)) for name, values in row.options),
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
        description=row.description,
        images=tuple(Image(*image) for image in row.images),
    )
