"""Whatever is stored under members, read from the schema itself, so that no table of a later day can be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Column as SqlColumn
from sqlalchemy import ColumnElement, Connection, Table, Uuid, bindparam, func, literal_column, or_, select, tuple_
from sqlalchemy.sql import Select
from sqlalchemy.types import LargeBinary

from kit.page import Page
from services.members.storage.tables import metadata

PROFILE = frozenset({"members", "member_keys", "identifiers"})
"""What is told as the profile already, or is nothing but keys and hashes."""

OWNERS = ("member", "owner", "holder", "referrer", "recipient", "gone", "kept")
"""What the columns are called that say whose a row is."""

_READERS: Mapping[type, Callable[[str], Any]] = {
    UUID: UUID,
    int: int,
    str: str,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
}


class Record(NamedTuple):
    """A row as a document, and the position after it."""

    kind: str
    data: Mapping[str, Any]
    position: tuple[str, ...]


class RecordStore:
    """Reads rows of all tables by their member."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, members: Sequence[UUID], page: Page) -> list[Record]:
        """Rows after a position, table by table in the order of their names, one more than the page shows."""
        found: list[Record] = []
        table, *key = page.after or ("",)
        for kind in sorted(KINDS):
            if kind >= table and len(found) < page.fetch:
                after = key if kind == table else []
                found += self._rows(kind, members, after=after, limit=page.fetch - len(found))
        return found

    def _rows(self, kind: str, members: Sequence[UUID], *, after: Sequence[str], limit: int) -> list[Record]:
        table = metadata.tables[kind]
        keys = list(table.primary_key.columns)
        query = select(_document(table), *keys).where(KINDS[kind](list(members))).order_by(*keys).limit(limit)
        if after:
            query = query.where(tuple_(*keys) > tuple_(*map(_value, keys, after)))
        rows = self._connection.execute(query).all()
        return [Record(kind, data, (kind, *map(_text, key))) for data, *key in rows]


def _owned(table: Table) -> Callable[[list[UUID]], ColumnElement[bool]] | None:
    """How to find the members' rows of a table, if it has any."""
    columns = [table.c[name] for name in OWNERS if name in table.c and isinstance(table.c[name].type, Uuid)]
    return (lambda members: or_(*(column.in_(members) for column in columns))) if columns else None


def _entries(members: list[UUID]) -> ColumnElement[bool]:
    """The ledger's entries name accounts, which name their owners."""
    accounts, entries = metadata.tables["ledger_accounts"], metadata.tables["ledger_entries"]
    mine: Select[Any] = select(accounts.c.id).where(accounts.c.owner.in_(members))
    return or_(entries.c.debit.in_(mine), entries.c.credit.in_(mine))


def _document(table: Table) -> ColumnElement[Any]:
    parts: list[Any] = []
    for column in table.c:
        if not isinstance(column.type, LargeBinary):
            parts += [literal_column(f"'{column.name}'"), column]
    return func.jsonb_build_object(*parts).label("document")


def _value(column: SqlColumn[Any], text: str) -> Any:
    return bindparam(None, _READERS[column.type.python_type](text), type_=column.type, unique=True)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


KINDS: dict[str, Callable[[list[UUID]], ColumnElement[bool]]] = {
    name: owned for name, table in metadata.tables.items() if name not in PROFILE and (owned := _owned(table))
} | {"ledger_entries": _entries}
"""The tables with something of a member in them, and how to find it."""
