"""Divided tables: the rows of before stay where they are, nothing of what protects them is lost, and room is made."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from alembic import command
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from kit.db import Database, migrations, partitions
from kit.db.engines import sync_url
from kit.unit import Unit
from kit.worker import chores, room
from tests.support.postgres import Databases

NOW = datetime(2026, 11, 11, tzinfo=UTC)
SIZE = 100
DIVIDED = {"members": ("0010", "ledger_entries"), "orders": ("0015", "stock_movements")}
ADD = {
    "ledger_entries": """
        insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time)
        select 1, 2, 5, 'TEST', 'tests/1', now(), now() from generate_series(1, :count) returning id
    """,
    "stock_movements": """
        insert into stock_movements (product_id, location, kind, on_hand, reserved, note, move_time)
        select gen_random_uuid(), 'default', 'ADJUSTED', 1, 0, '', now() from generate_series(1, :count) returning id
    """,
}
CHANGES = {"update": "update {} set id = default", "delete": "delete from {}", "truncate": "truncate {}"}


@pytest.fixture(scope="module", params=DIVIDED)
def owned(request: pytest.FixtureRequest, postgres: Databases) -> Iterator[tuple[str, str, Engine]]:
    """A service's database as the migrations of before made it, with rows in it, then migrated: as its own role."""
    service = request.param
    before, table = DIVIDED[service]
    name = f"{service}_{secrets.token_hex(6)}"
    admin = create_engine(sync_url(postgres.admin_url), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"create role {name} login password 'secret'"))
        connection.execute(text(f"create database {name} owner {name}"))
    url = make_url(postgres.admin_url).set(username=name, password="secret", database=name)
    plain = url.render_as_string(hide_password=False)
    command.upgrade(migrations.config(f"services.{service}", plain), before)
    engine = create_engine(sync_url(plain))
    with engine.begin() as connection:
        assert add(connection, table, 10) == [*range(1, 11)]
        connection.execute(text(f"grant select on {table} to pg_monitor"))
    migrations.upgrade(f"services.{service}", plain)
    yield service, table, engine
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))
        connection.execute(text(f"drop role {name}"))
    admin.dispose()


@pytest.fixture
def connection(migrated: Callable[[str], str]) -> Iterator[Connection]:
    """An empty database with a table of its own that is divided in hundreds."""
    engine = create_engine(sync_url(migrated("pipeline")))
    with engine.begin() as connection:
        connection.execute(text("create table things (id bigint generated always as identity primary key, n int)"))
        put(connection, 10)
        partitions.divide(SimpleNamespace(get_bind=lambda: connection), "things", size=SIZE)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def add(connection: Connection, table: str, count: int) -> list[int]:
    return [*connection.execute(text(ADD[table]), {"count": count}).scalars()]


def put(connection: Connection, count: int) -> None:
    connection.execute(text("insert into things (n) select 1 from generate_series(1, :count)"), {"count": count})


def spread(connection: Connection) -> dict[str, int]:
    rows = connection.execute(text("select cast(tableoid as regclass)::text, count(*) from things group by 1"))
    return {str(place): int(count) for place, count in rows}


def test_what_was_there_stays_where_it_was_and_ids_go_on(owned: tuple[str, str, Engine]) -> None:
    _, table, engine = owned
    with engine.connect() as connection:
        (following,) = add(connection, table, 1)
        places = connection.execute(text(f"select distinct cast(tableoid as regclass)::text from {table}")).scalars()
        assert following > 10
        assert [*places] == [f"{table}_from_0"]


def test_two_partitions_are_ahead_from_the_start(owned: tuple[str, str, Engine]) -> None:
    _, table, engine = owned
    with engine.connect() as connection:
        assert partitions.divided(connection) == [table]
        assert sorted(partitions.partitions(connection)) == sorted(
            f"{table}_from_{number * partitions.SIZE}" for number in range(partitions.AHEAD + 1)
        )
        assert partitions.extend(connection, table) == []


def test_every_partition_has_the_rights_of_before(owned: tuple[str, str, Engine]) -> None:
    _, table, engine = owned
    with engine.connect() as connection:
        for each in (table, *partitions.partitions(connection)):
            rights = {
                right
                for right in ("select", "insert", "update", "delete", "truncate")
                if connection.scalar(text(f"select has_table_privilege('{each}', '{right}')"))
            }
            assert rights == {"select", "insert"}, each
            assert connection.scalar(text(f"select has_table_privilege('pg_monitor', '{each}', 'select')")), each


@pytest.mark.parametrize("change", CHANGES)
def test_no_partition_can_be_changed_by_who_takes_the_right(owned: tuple[str, str, Engine], change: str) -> None:
    _, table, engine = owned
    with engine.connect() as connection:
        places = [table, *partitions.partitions(connection)]
    for each in places:
        with engine.connect() as connection:
            connection.execute(text(f"grant all on {each} to current_user"))
            with pytest.raises(DBAPIError, match="never changed"):
                connection.execute(text(CHANGES[change].format(each)))


def test_every_partition_has_the_indexes_and_checks_of_the_table(owned: tuple[str, str, Engine]) -> None:
    _, table, engine = owned
    indexes = text("select count(*) from pg_index where indrelid = cast(:table as regclass) and indisvalid")
    checks = text("""
        select coalesce(array_agg(conname order by conname), '{}') from pg_constraint
        where conrelid = cast(:table as regclass) and contype in ('c', 'f')
    """)
    with engine.connect() as connection:
        places = [table, *partitions.partitions(connection)]
        number = 4 if table == "ledger_entries" else 3
        assert {connection.scalar(indexes, {"table": each}) for each in places} == {number}
        assert len({tuple(connection.scalar(checks, {"table": each}) or ()) for each in places}) == 1


def test_every_partition_tells_the_planner_what_the_table_does(owned: tuple[str, str, Engine]) -> None:
    _, table, engine = owned
    hints = text("""
        select coalesce(array_agg(attname || ' ' || cast(attoptions as text) order by attname), '{}')
        from pg_attribute where attrelid = cast(:table as regclass) and attoptions is not null
    """)
    with engine.connect() as connection:
        told = [connection.scalar(hints, {"table": each}) or [] for each in (table, *partitions.partitions(connection))]
    assert {len(each) for each in told} == {2 if table == "ledger_entries" else 0}
    assert all(each == told[0] for each in told)


def test_ids_cross_into_the_next_partition(connection: Connection) -> None:
    put(connection, 95)
    # The id that the division asked for is not used twice.
    assert spread(connection) == {"things_from_0": 99, "things_from_100": 6}
    assert connection.scalar(text("select count(distinct id) from things")) == 105


def test_partitions_are_added_ahead_of_the_ids(connection: Connection) -> None:
    assert partitions.partitions(connection) == ["things_from_0", "things_from_100", "things_from_200"]
    put(connection, 150)
    assert partitions.extend(connection, "things", size=SIZE) == ["things_from_300"]
    assert partitions.extend(connection, "things", size=SIZE) == []
    put(connection, 200)
    assert partitions.extend(connection, "things", size=SIZE) == ["things_from_400", "things_from_500"]
    assert sum(spread(connection).values()) == 360


@pytest.mark.parametrize(("newest", "made"), [(99, [0, 200, 300]), (950, [0, 1000, 1100])])
def test_what_was_there_is_one_partition_however_much(connection: Connection, newest: int, made: list[int]) -> None:
    connection.execute(
        text(f"create table many (id bigint generated always as identity (start with {newest}) primary key)")
    )
    connection.execute(text("insert into many default values"))
    partitions.divide(SimpleNamespace(get_bind=lambda: connection), "many", size=SIZE)
    found = {name for name in partitions.partitions(connection) if name.startswith("many")}
    assert found == {f"many_from_{start}" for start in made}
    assert connection.execute(text("insert into many default values returning id")).scalar_one() == newest + 1


def test_processes_that_were_there_before_go_on_writing(connection: Connection) -> None:
    connection.execute(text("create table logs (id bigint generated always as identity primary key, n int)"))
    connection.commit()
    with connection.engine.connect() as other:
        other.exec_driver_sql("prepare add as insert into logs (n) values (1) returning id")
        assert [other.exec_driver_sql("execute add").scalar_one() for _ in range(7)] == [*range(1, 8)]
        other.commit()
        partitions.divide(SimpleNamespace(get_bind=lambda: connection), "logs", size=SIZE)
        connection.commit()
        assert other.exec_driver_sql("execute add").scalar_one() > 7
        other.commit()
    assert connection.scalar(text("select count(*) from logs_from_0")) == 8


def test_a_check_of_the_bound_spares_the_reading(connection: Connection, caplog: pytest.LogCaptureFixture) -> None:
    connection.execute(text("create table checked (id bigint generated always as identity primary key)"))
    connection.execute(text("insert into checked default values"))
    connection.execute(text(f"alter table checked add constraint checked_bound check (id < {SIZE}) not valid"))
    connection.execute(text("alter table checked validate constraint checked_bound"))
    connection.execute(text("set local client_min_messages = debug1"))
    with caplog.at_level(logging.INFO, logger="sqlalchemy.dialects.postgresql"):
        partitions.divide(SimpleNamespace(get_bind=lambda: connection), "checked", size=SIZE)
    assert 'partition constraint for table "checked_from_0" is implied by existing constraints' in caplog.text
    connection.execute(text("insert into checked select from generate_series(1, 150)"))
    assert connection.scalar(text("select count(*) from checked")) == 151


def test_who_writes_does_not_wait_while_a_partition_is_added(connection: Connection) -> None:
    writer = connection.engine.connect()
    put(writer, 1)
    connection.execute(text("set local lock_timeout = '2s'"))
    added = partitions.extend(connection, "things", size=SIZE, ahead=4)
    assert added == ["things_from_300", "things_from_400"]
    writer.execute(text("set local lock_timeout = '2s'"))
    put(writer, 1)
    writer.commit()
    writer.close()


def test_what_the_planner_believes_follows_the_growth(connection: Connection) -> None:
    put(connection, 150)
    connection.execute(text("analyze things_from_0, things_from_100"))
    assert partitions.analyse(connection, "things")
    assert not partitions.analyse(connection, "things")


def test_the_consumer_makes_room_by_the_clock(connection: Connection) -> None:
    url = connection.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    database = Database(url, lambda connection, now: Unit(connection, now, publish=lambda fact: pytest.fail(str(fact))))
    connection.execute(text("select setval(pg_get_serial_sequence('things', 'id'), 20000000)"))
    connection.commit()
    try:
        chores.run(room.timer("pipeline"), database)
    finally:
        database.close()
    made = {f"things_from_{300 + number * partitions.SIZE}" for number in range(3)}
    assert made <= {*partitions.partitions(connection)}
