"""Channels and stores: rows to domain and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select, text, update
from sqlalchemy.dialects.postgresql import insert

from kit.page import Page
from services.orders.domain.outlet import Outlet, OutletKind
from services.orders.storage import parts
from services.orders.storage.tables.catalogue import channels, stores

_TABLES: dict[OutletKind, Table] = {OutletKind.CHANNEL: channels, OutletKind.STORE: stores}

_OWED = """
    select o.id, s.org from stores s join orders o on o.store in (s.code, 'stores/' || s.code)
    where s.move_time is not null and o.store <> '' and o.org <> s.org and o.opportunity_id is null
"""
# ruff: noqa: S608 - the statements are put together from constants only
_FOLLOW = text(f"""
    with owed as ({_OWED} limit :limit for update of o skip locked)
    update orders set org = owed.org from owed where orders.id = owed.id
""")
_FOLLOWED = text(f"""
    update stores set move_time = null
    where move_time < cast(:now as timestamptz) - interval '1 minute' and not exists (
        select from ({_OWED}) owed where owed.id is not null
    )
""")


class OutletStore:
    """The channels and stores of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, kind: OutletKind, outlet: Outlet) -> bool:
        """Store a new one; answers whether its code was free."""
        table = _TABLES[kind]
        statement = insert(table).values(**_row(kind, outlet)).on_conflict_do_nothing().returning(table.c.code)
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
        self._connection.execute(update(table).where(table.c.code == outlet.code).values(**_row(kind, outlet)))

    def page(self, kind: OutletKind, page: Page, *, org: str = "") -> list[Outlet]:
        """Those of a page and one more if there are more, by their codes; of a part of the organisation, if given."""
        table = _TABLES[kind]
        statement = select(table).order_by(table.c.code).limit(page.fetch)
        if org:
            statement = statement.where(parts.own(table.name, org))
        if page.after is not None:
            statement = statement.where(table.c.code > page.after[0])
        return [_outlet(row) for row in self._connection.execute(statement)]

    def move(self, code: str, now: datetime) -> None:
        """Let the orders of a store follow it to its part of the organisation."""
        self._connection.execute(update(stores).where(stores.c.code == code).values(move_time=now))

    def follow(self, limit: int, now: datetime) -> int:
        """Bring up to so many orders of moved stores to where these belong; answers how many.

        A store is done when none is left, once orders are sure to be committed that were placed while it moved.
        """
        moved = self._connection.execute(_FOLLOW, {"limit": limit}).rowcount
        if not moved:
            self._connection.execute(_FOLLOWED, {"now": now})
        return moved


def _row(kind: OutletKind, outlet: Outlet) -> dict[str, object]:
    part = {"org": outlet.org} if kind is OutletKind.STORE else {}
    return part | {
        "code": outlet.code,
        "title": outlet.title,
        "version": outlet.version,
        "create_time": outlet.create_time,
        "update_time": outlet.update_time,
    }


def _outlet(row: Row[*tuple[Any, ...]]) -> Outlet:
    return Outlet(row.code, row.title, row.version, row.create_time, row.update_time, getattr(row, "org", ""))
