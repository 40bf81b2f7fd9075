"""What a session may not do for long: wait for a lock, and hold one without a word."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg2
import pytest
from sqlalchemy import Connection, text

from kit.db import AsyncDatabase, Database
from kit.errors import Fault, Kind
from tests.support.waiting import until

_STATEMENT_MS = 500
_LOCK = text("lock table held in share mode")


def _unit(connection: Connection, _now: datetime) -> Connection:
    return connection


def _take(connection: Connection) -> None:
    connection.execute(_LOCK)


@contextmanager
def held(url: str) -> Iterator[None]:
    """A table that somebody else holds until the end of the block."""
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("create table if not exists held ()")
        connection.commit()
        cursor.execute("lock table held in access exclusive mode")
        yield
    connection.close()


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[AsyncDatabase[Connection]]:
    database = AsyncDatabase(database_url, _unit, statement_timeout_ms=_STATEMENT_MS)
    yield database
    await database.close()


@pytest.fixture
def working(database_url: str) -> Iterator[Database[Connection]]:
    database = Database(database_url, _unit, statement_timeout_ms=_STATEMENT_MS)
    yield database
    database.close()


async def test_a_call_that_waits_for_a_lock_is_aborted_before_its_statement_is_too_long(
    served: AsyncDatabase[Connection], database_url: str
) -> None:
    with held(database_url), pytest.raises(Fault) as refusal:
        await served.write(_take)

    assert refusal.value.kind is Kind.ABORTED
    await served.write(_take)


def test_a_consumer_that_waits_for_a_lock_gives_up_too(working: Database[Connection], database_url: str) -> None:
    with held(database_url), pytest.raises(Fault) as refusal:
        working.write(_take)

    assert refusal.value.kind is Kind.ABORTED
    working.write(_take)


def test_the_locks_of_a_process_that_says_nothing_more_are_let_go(
    working: Database[Connection], database_url: str
) -> None:
    with held(database_url):
        pass  # the table is there
    silent: list[int] = []

    def fall_silent(connection: Connection) -> None:
        _take(connection)
        silent.append(connection.execute(text("select pg_backend_pid()")).scalar_one())
        with psycopg2.connect(database_url) as other, other.cursor() as cursor:
            other.autocommit = True
            until(lambda: not _lives(cursor, silent[-1]), what="the end of the silent session")

    with pytest.raises(Fault) as refusal:
        working.write(fall_silent)

    assert refusal.value.kind is Kind.UNAVAILABLE


def test_who_reads_much_may_take_any_time(database_url: str) -> None:
    patient = Database(database_url, _unit, statement_timeout_ms=0)
    settings = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]

    found = patient.read(
        lambda connection: [connection.execute(text(f"show {name}")).scalar_one() for name in settings]
    )

    assert found == ["0", "0", "0"]
    patient.close()


def _lives(cursor: psycopg2.extensions.cursor, pid: int) -> bool:
    cursor.execute("select 1 from pg_stat_activity where pid = %s", (pid,))
    return cursor.fetchone() is not None
