"""Who counts is told of each transaction that was committed, once, and of no other."""

from __future__ import annotations

from datetime import datetime

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Connection, MetaData, create_engine, text

from kit import errors, schema
from kit.db import AsyncDatabase, Database
from kit.db.engines import sync_url
from kit.errors import Fault
from kit.outbox import Event
from kit.unit import Unit


def _unit(connection: Connection, now: datetime) -> Unit:
    return Unit(connection, now, publish=lambda fact: Event.of("kehu.tests.v1.Told", str(fact), 1, {}))


def _tell(unit: Unit) -> None:
    unit.emit(fact for fact in ("one", "two"))
    unit.note("three")


def _refuse(unit: Unit) -> None:
    _tell(unit)
    raise errors.invalid("field", "is refused")


class _Twice:
    """Fails once as PostgreSQL does when two transactions can't be put in an order."""

    runs = 0

    def __call__(self, unit: Unit) -> None:
        _tell(unit)
        self.runs += 1
        if self.runs == 1:
            unit.connection.execute(text("do $$ begin raise exception using errcode = '40001'; end $$"))


@pytest.fixture
def url(database_url: str) -> str:
    engine = create_engine(sync_url(database_url))
    with engine.begin() as connection:
        metadata = MetaData()
        schema.define(metadata)
        metadata.create_all(connection)
    engine.dispose()
    return database_url


async def test_a_server_counts_what_was_committed(url: str) -> None:
    told: list[list[object]] = []
    database = AsyncDatabase(url, _unit, committed=lambda unit: told.append(unit.facts))
    again = _Twice()
    try:
        await database.write(_tell)
        with pytest.raises(Fault):
            await database.write(_refuse)
        await database.write(again)
        await database.read(lambda unit: unit.note("only read"))
    finally:
        await database.close()
    assert again.runs == 2
    assert told == [["one", "two", "three"]] * 2


def test_a_worker_counts_what_was_committed(url: str) -> None:
    told: list[list[object]] = []
    database = Database(url, _unit, committed=lambda unit: told.append(unit.facts))
    again = _Twice()
    database.write(_tell)
    with pytest.raises(Fault):
        database.write(_refuse)
    database.write(again)
    database.close()
    assert again.runs == 2
    assert told == [["one", "two", "three"]] * 2


async def test_a_count_that_fails_fails_no_call(url: str) -> None:
    def fail(unit: Unit) -> None:
        raise KeyError(unit)

    database = AsyncDatabase(url, _unit, committed=fail)
    try:
        await database.write(_tell)
        rows = await database.read(lambda unit: unit.connection.execute(text("select count(*) from outbox")).scalar())
    finally:
        await database.close()
    assert rows == 2


async def test_transactions_and_the_pool_are_measured(url: str) -> None:
    def of(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0

    database = AsyncDatabase(url, _unit, pool_size=3)
    count, retries = "db_transaction_duration_seconds_count", "db_transaction_retries_total"
    kinds = [("write", "ok"), ("write", "refused"), ("write", "error"), ("read", "ok")]
    before = {kind: of(count, operation=kind[0], outcome=kind[1]) for kind in kinds}
    again, size, waits = of(retries, sqlstate="40001"), of("db_pool_size"), of("db_pool_wait_seconds_count")
    try:
        await database.write(_tell)
        await database.write(_Twice())
        with pytest.raises(Fault):
            await database.write(_refuse)
        with pytest.raises(Fault):
            await database.write(lambda unit: unit.connection.execute(text("select 1 / 0")))
        in_use = await database.read(lambda unit: of("db_pool_in_use"))
    finally:
        await database.close()
    after = {kind: of(count, operation=kind[0], outcome=kind[1]) for kind in kinds}
    assert {kind: after[kind] - before[kind] for kind in kinds} == dict(zip(kinds, (2, 1, 1, 1), strict=True))
    assert of(retries, sqlstate="40001") - again == 1
    assert of("db_pool_wait_seconds_count") - waits == 6
    assert in_use >= 1
    assert size >= 3
