"""Outbox, inbox and stored answers, and what the database's refusals become, on a real PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from sqlalchemy import Connection, MetaData, create_engine, text

from kit import ending, errors, idempotency, inbox, names, outbox, schema, telemetry
from kit.db import AsyncDatabase, Database
from kit.db.engines import sync_url
from kit.errors import Fault
from kit.idempotency import Answer, Key, Raced

NOW = datetime(2026, 11, 11, tzinfo=UTC)


@pytest.fixture
def prepared(database_url: str) -> str:
    engine = create_engine(sync_url(database_url))
    with engine.begin() as connection:
        metadata = MetaData()
        schema.define(metadata)
        metadata.create_all(connection)
        connection.exec_driver_sql(
            "create table things (id int constraint things_once primary key, n int check (n > 0))"
        )
    engine.dispose()
    return database_url


@pytest.fixture
def database(prepared: str) -> Iterator[Database[Connection]]:
    constraints = {"things_once": lambda: errors.not_found("things/1")}
    database = Database(prepared, lambda connection, now: connection, constraints=constraints)
    yield database
    database.close()


def event(version: int = 1) -> outbox.Event:
    return outbox.Event("OrderPaid", "kehu.orders.v1.OrderPaid", "orders/1", version, json.dumps({"order": "订单"}))


def test_events_are_kept_in_order_with_their_trace(database: Database[Connection]) -> None:
    with telemetry.span("call", kind="server"):
        trace = telemetry.trace_id()
        database.write(lambda connection: ending.write(connection, events=[event(1), event(2)], now=NOW))
    rows = database.read(
        lambda connection: connection.execute(text("select * from outbox order by sequence")).mappings().all()
    )
    assert [(row["subject_version"], row["aggregatetype"], row["aggregateid"]) for row in rows] == [
        (1, "orders", "orders/1"),
        (2, "orders", "orders/1"),
    ]
    assert rows[0]["headers"]["ce_type"] == "kehu.orders.v1.OrderPaid"
    assert rows[0]["headers"]["traceparent"][3:35] == trace
    assert json.loads(rows[0]["payload"]) == {"order": "订单"}


def test_a_transaction_that_fails_publishes_nothing(database: Database[Connection]) -> None:
    def fails(connection: Connection) -> None:
        ending.write(connection, events=[event()], now=NOW)
        raise errors.conflict()

    with pytest.raises(Fault):
        database.write(fails)
    assert database.read(lambda connection: connection.execute(text("select count(*) from outbox")).scalar_one()) == 0


def test_an_event_is_new_to_a_consumer_once(database: Database[Connection]) -> None:
    ids = [names.new_id() for _ in range(3)]
    first = database.write(lambda connection: inbox.take(connection, "members", [*ids[:2], ids[0]], now=NOW))
    again = database.write(lambda connection: inbox.take(connection, "members", ids, now=NOW))
    other = database.write(lambda connection: inbox.take(connection, "campaigns", ids, now=NOW))
    assert (first, again, other) == (set(ids[:2]), {ids[2]}, set(ids))


def test_an_answer_is_found_again_until_it_is_old(database: Database[Connection]) -> None:
    key, answer = Key("dev", "Accrue", "request-1"), Answer(b"print", b"response")
    database.write(lambda connection: ending.write(connection, answers={key: answer}, now=NOW))
    assert database.read(lambda connection: idempotency.find(connection, [key])) == {key: answer}
    assert database.write(lambda connection: idempotency.prune(connection, NOW + timedelta(hours=23))) == 0
    assert database.write(lambda connection: idempotency.prune(connection, NOW + timedelta(hours=25))) == 1
    assert database.read(lambda connection: idempotency.find(connection, [key])) == {}
    assert database.read(lambda connection: idempotency.find(connection, [])) == {}


def test_of_two_answers_to_one_call_the_second_is_given_up(database: Database[Connection]) -> None:
    key, answer = Key("dev", "Accrue", "request-1"), Answer(b"print", b"response")
    database.write(lambda connection: ending.write(connection, answers={key: answer}, now=NOW))
    with pytest.raises(Raced):
        database.write(lambda connection: ending.write(connection, answers={key: answer}, now=NOW))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("insert into things values (1, 1), (1, 1)", "NOT_FOUND"),
        ("insert into things values (2, 0)", "INTERNAL"),
        ("select 1 / 0", "REQUEST_INVALID"),
        ("select 1 from nowhere", "INTERNAL"),
        ("set local statement_timeout = 1; select pg_sleep(1)", "DEADLINE_EXCEEDED"),
    ],
)
def test_what_the_server_refuses_becomes_a_fault_without_its_words(
    database: Database[Connection], statement: str, reason: str
) -> None:
    with pytest.raises(Fault) as caught:
        database.write(lambda connection: connection.exec_driver_sql(statement))
    assert caught.value.reason == reason
    assert "things" not in caught.value.message.replace("things/1", "")


def test_a_database_that_is_not_there_is_unavailable(unused_tcp_port: int) -> None:
    database = Database(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nothing", lambda connection, now: connection)
    with pytest.raises(Fault) as caught:
        database.ping()
    assert caught.value.reason == "UNAVAILABLE"


def _store(connection: Connection, kind: str, value: object) -> None:
    connection.execute(text(f"select cast(:value as {kind})"), {"value": value})


async def test_the_asyncio_side_says_the_same(prepared: str, unused_tcp_port: int) -> None:
    away = AsyncDatabase(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nothing", lambda connection, now: connection)
    with pytest.raises(Fault) as caught:
        await away.ping()
    assert caught.value.reason == "UNAVAILABLE"
    database = AsyncDatabase(prepared, lambda connection, now: connection)
    for kind, value in (("text", "a\0b"), ("bigint", 2**70)):
        with pytest.raises(Fault) as caught:
            await database.write(_store, kind, value)
        assert caught.value.reason == "REQUEST_INVALID"
    assert await database.read(lambda connection: connection.execute(text("select 1")).scalar_one()) == 1
    await database.close()


def test_a_deadlock_is_settled_by_another_try(database: Database[Connection]) -> None:
    database.write(lambda connection: connection.execute(text("insert into things values (1, 1), (2, 1)")))
    barrier = threading.Barrier(2)
    met: set[int] = set()

    def crosswise(connection: Connection, first: int, second: int) -> None:
        connection.execute(text("update things set n = n + 1 where id = :id"), {"id": first})
        if first not in met:
            met.add(first)
            barrier.wait(5)
        connection.execute(text("update things set n = n + 1 where id = :id"), {"id": second})

    threads = [threading.Thread(target=database.write, args=(crosswise, *pair)) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = database.read(
        lambda connection: connection.execute(text("select n from things order by id")).scalars().all()
    )
    assert list(rows) == [3, 3]


def test_a_lost_connection_is_replaced(prepared: str, database: Database[Connection]) -> None:
    database.ping()
    killer = psycopg2.connect(prepared)
    killer.autocommit = True
    killer.cursor().execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and\n"
        " pid <> pg_backend_pid()"
    )
    killer.close()
    assert database.write(lambda connection: connection.execute(text("select 1")).scalar_one()) == 1
