"""Rows that are changed past the services, and locks that somebody holds: in databases that are thrown away after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor

_EMPTY = {
    "uuid": "gen_random_uuid()",
    "text": "gen_random_uuid()::text",
    "int4": "0",
    "int8": "0",
    "bool": "false",
    "timestamptz": "now()",
    "date": "current_date",
    "bytea": "''",
    "jsonb": "'{}'",
}


@contextmanager
def database(url: str) -> Iterator[cursor]:
    """A session in which each statement is committed at once."""
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as session:
            yield session


@contextmanager
def locked(url: str, table: str) -> Iterator[None]:
    """A table that nobody else may even read. Two of them, by one session each, are locked without a deadlock."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as session:
        session.execute(sql.SQL("lock table {} in access exclusive mode").format(sql.Identifier(table)))
        yield
        # The server may be gone by then, and the lock with it.
        with suppress(psycopg2.Error):
            connection.rollback()


def unguard(session: cursor, table: str) -> None:
    """Drop whatever keeps a table's rows right."""
    session.execute(
        "select conname from pg_constraint where conrelid = %s::regclass and contype in ('c', 'f')", (table,)
    )
    for (name,) in session.fetchall():
        drop = sql.SQL("alter table {} drop constraint {}")
        session.execute(drop.format(sql.Identifier(table), sql.Identifier(name)))


def insert(session: cursor, table: str, **values: str) -> None:
    """A row that no service wrote: `values` are SQL, everything else that must be there is empty."""
    unguard(session, table)
    session.execute(
        "select column_name, udt_name from information_schema.columns"
        " where table_name = %s and is_nullable = 'NO' and column_default is null",
        (table,),
    )
    row = {name: _EMPTY[kind] for name, kind in session.fetchall()} | values
    statement = sql.SQL("insert into {} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.SQL, row.values())),
    )
    session.execute(statement)


def copy(session: cursor, table: str, *, where: str, **values: str) -> None:
    """A row like one that is there, but for `values`, which are SQL."""
    unguard(session, table)
    session.execute(
        "select column_name from information_schema.columns where table_name = %s and is_identity = 'NO'", (table,)
    )
    row = {name: sql.Identifier(name) for (name,) in session.fetchall()}
    chosen = row | {name: sql.SQL(value) for name, value in values.items()}
    statement = sql.SQL("insert into {table} ({columns}) select {values} from {table} where {where} limit 1").format(
        table=sql.Identifier(table),
        columns=sql.SQL(", ").join(map(sql.Identifier, row)),
        values=sql.SQL(", ").join(chosen.values()),
        where=sql.SQL(where),
    )
    session.execute(statement)
    if not session.rowcount:
        raise LookupError(f"no row of {table} where {where}")
