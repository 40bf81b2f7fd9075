"""What may only grow: the service's own role has no right to change it, and a trigger refuses whoever has."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from kit.db import migrations
from kit.db.engines import sync_url
from tests.support.postgres import Databases

TABLES = ("ledger_entries", "audit_entries", "adjustments", "verifications")
CHANGES = ("update {} set {} = {}", "delete from {}", "truncate {}")


@pytest.fixture(scope="module")
def engine(postgres: Databases) -> Iterator[Engine]:
    """A migrated database, seen as the service sees it: with a role of its own that owns the tables."""
    admin = create_engine(sync_url(postgres.admin_url), isolation_level="AUTOCOMMIT")
    name = f"members_{secrets.token_hex(6)}"
    with admin.connect() as connection:
        connection.execute(text(f"create role {name} login password 'secret'"))
        connection.execute(text(f"create database {name} owner {name}"))
    url = make_url(postgres.admin_url).set(username=name, password="secret", database=name)
    migrations.upgrade("services.members", url.render_as_string(hide_password=False))
    engine = create_engine(url.set(drivername="postgresql+psycopg2"))
    yield engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
        connection.execute(text(f"drop role {name}"))
    admin.dispose()


@pytest.mark.parametrize("table", TABLES)
def test_the_service_may_read_and_add_and_nothing_else(engine: Engine, table: str) -> None:
    with engine.connect() as connection:
        rights = {
            right: connection.scalar(text(f"select has_table_privilege('{table}', '{right}')"))
            for right in ("select", "insert", "update", "delete", "truncate")
        }
    assert {right for right, held in rights.items() if held} == {"select", "insert"}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.split()[0])
@pytest.mark.parametrize("table", TABLES)
def test_whoever_takes_the_right_is_stopped_by_the_trigger(engine: Engine, table: str, change: str) -> None:
    columns = {"ledger_entries": "amount", "audit_entries": "reason", "adjustments": "reason", "verifications": "jws"}
    statement = change.format(table, columns[table], columns[table])
    with engine.connect() as connection:
        connection.execute(text(f"grant all on {table} to current_user"))
        with pytest.raises(DBAPIError, match=r"only grow|never changed"):
            connection.execute(text(statement))
