"""Indexes that a migration needs are built while the table is in use, whatever version the database is at."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url

from kit.db import indexes, migrations
from kit.db.engines import sync_url
from tests.support.postgres import Databases
from tests.support.waiting import until

PARTS = [f"ledger_entries_from_{number * 50_000_000}" for number in range(3)]
POST = """
    insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time)
    values (1, 2, 5, 'TEST', 'tests/1', now(), now())
"""
BUILDING = "select count(*) from pg_stat_activity where query like 'create index concurrently%' and state = 'active'"


@pytest.fixture
def url(postgres: Databases) -> Iterator[str]:
    """An empty database."""
    name = f"indexes_{secrets.token_hex(6)}"
    admin = create_engine(sync_url(postgres.admin_url), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create database {name}"))
    yield make_url(postgres.admin_url).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
    admin.dispose()


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Connections to it, each statement of which is committed."""
    made = create_engine(sync_url(url), isolation_level="AUTOCOMMIT")
    yield made
    made.dispose()


def migrate(url: str, version: str = "head") -> None:
    command.upgrade(migrations.config("services.members", url), version)


def lapsed(connection: Connection) -> dict[str, bool]:
    """The tables that have the index, and whether it is a valid one."""
    query = """
        select cast(indrelid as regclass)::text, indisvalid from pg_index
        where cast(indrelid as regclass)::text like 'ledger_entries%' and pg_get_indexdef(indexrelid) like '%(source)%'
    """
    return {str(table): valid for table, valid in connection.execute(text(query))}


@pytest.mark.parametrize("version", ["0009", "0010", "0011"])
def test_who_writes_goes_on_while_a_migration_builds_an_index(url: str, engine: Engine, version: str) -> None:
    migrate(url, version)
    busy, other = engine.connect().execution_options(isolation_level="READ COMMITTED"), engine.connect()
    with ThreadPoolExecutor(1) as pool, busy, other:
        busy.execute(text(POST))  # a transaction for which the build has to wait
        migrating = pool.submit(migrate, url)
        try:
            until(lambda: other.scalar(text(BUILDING)) == 1)
            other.execute(text("set lock_timeout = '1s'"))
            other.execute(text(POST))
            assert not migrating.done()
        finally:
            busy.rollback()
        migrating.result(timeout=60)
        assert lapsed(other) == dict.fromkeys(["ledger_entries", *PARTS], True)


def test_what_was_given_up_half_way_is_built_anew(url: str, engine: Engine) -> None:
    migrate(url, "0011")
    with engine.connect() as connection:
        connection.execute(text(POST))
        connection.execute(text(POST))
        with pytest.raises(Exception, match="could not create unique index"):
            connection.execute(text(f"create unique index concurrently {PARTS[0]}_lapsed on {PARTS[0]} (source)"))
        assert lapsed(connection) == {PARTS[0]: False}
    migrate(url)
    with engine.connect() as connection:
        assert lapsed(connection) == dict.fromkeys(["ledger_entries", *PARTS], True)


def test_nothing_is_built_twice_or_where_there_is_no_table(url: str, engine: Engine) -> None:
    with engine.connect() as connection:
        for _ in range(2):
            indexes.build(connection, "things_n", "things", ["n"])
        connection.execute(text("create table things (n integer)"))
        for _ in range(2):
            indexes.build(connection, "things_n", "things", ["n"], where="n > 0")
        found = connection.scalar(text("select pg_get_indexdef('things_n'::regclass)"))
        assert found == "CREATE INDEX things_n ON public.things USING btree (n) WHERE (n > 0)"
