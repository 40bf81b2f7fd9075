"""Channels and stores: rows to domain and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Table, select, update
from sqlalchemy.dialects.postgresql import insert

from kit.page import Page
from services.orders.domain.outlet import Outlet, OutletKind
from services.orders.storage.tables.catalogue import channels, stores

_TABLES: dict[OutletKind, Table] = {OutletKind.CHANNEL: channels, OutletKind.STORE: stores}


class OutletStore:
    """The channels and stores of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, kind: OutletKind, outlet: Outlet) -> bool:
        """Store a new one; answers whether its code was free."""
        table = _TABLES[kind]
        statement = insert(table).values(**_row(outlet)).on_conflict_do_nothing().returning(table.c.code)
        return self._connection.execute(statement).one_or_none() is not None

    def get(self, kind: OutletKind, code: str, *, lock: bool = False) -> Outlet | None:
        """The outlet, if it exists; locked, nobody else changes it until the transaction ends."""
        table = _TABLES[kind]
        query = select(table).where(table.c.code == code)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        return _outlet(row) if row else None

    def save(self, kind: OutletKind, outlet: Outlet) -> None:
        """Store a changed one."""
        table = _TABLES[kind]
        self._connection.execute(update(table).where(table.c.code == outlet.code).values(**_row(outlet)))

    def page(self, kind: OutletKind, page: Page) -> list[Outlet]:
        """Those of a page and one more if there are more, by their codes."""
        table = _TABLES[kind]
        statement = select(table).order_by(table.c.code).limit(page.fetch)
        if page.after is not None:
            statement = statement.where(table.c.code > page.after[0])
        return [_outlet(row) for row in self._connection.execute(statement)]


def _row(outlet: Outlet) -> dict[str, object]:
    return {
        "code": outlet.code,
        "title": outlet.title,
        "version": outlet.version,
        "create_time": outlet.create_time,
        "update_time": outlet.update_time,
    }


def _outlet(row: Row[*tuple[Any, ...]]) -> Outlet:
    return Outlet(row.code, row.title, row.version, row.create_time, row.update_time)
