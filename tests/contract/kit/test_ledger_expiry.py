"""Lots whose time is over, swept by one statement on a real database, whatever else happens at the same moment."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import Engine

from kit.db.engines import sync_url
from kit.ledger import Ledger
from kit.posting import Account, Cause, Lot, Sign, Transfer
from tests.support.waiting import until

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUSE = uuid.UUID(int=1)
KINDS = ("available",)


@pytest.fixture
def engine(migrated: Callable[[str], str]) -> Iterator[Engine]:
    engine = create_engine(sync_url(migrated("members")))
    with engine.begin() as connection:
        _ledger(connection).open([HOUSE], {"house": Sign.OPEN, "breakage": Sign.OPEN})
    yield engine
    engine.dispose()


def _ledger(connection: Connection) -> Ledger:
    return Ledger(connection, unit="tests", house=HOUSE)


def _owner(engine: Engine, *amounts: int) -> UUID:
    """An owner with lots of these amounts, all of them due."""
    owner = uuid.uuid4()
    lots = [
        Lot(uuid.uuid4(), owner, "tests/1", amount, NOW, NOW, NOW - timedelta(days=1), 0, amount, 0)
        for amount in amounts
    ]
    house, mine = Account(HOUSE, "house"), Account(owner, "available")
    cause = Cause("TEST", "tests/1", NOW)
    with engine.begin() as connection:
        ledger = _ledger(connection)
        ledger.open([owner], {"available": Sign.CREDIT})
        ledger.lock([owner], KINDS)
        ledger.post([Transfer(house, mine, lot.granted, cause, lot.id) for lot in lots], now=NOW, lots=lots)
    return owner


def _sweep(engine: Engine, limit: int = 100) -> tuple[int, int]:
    with engine.begin() as connection:
        return _ledger(connection).expire(NOW, into="breakage", limit=limit)


def _differences(engine: Engine) -> list[tuple[object, ...]]:
    """Lots and accounts that differ from what their entries say."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("""
            select 'account', a.id from ledger_accounts a where a.sign <> 0 and a.balance <> (
                select coalesce(sum(case a.id when credit then amount else -amount end), 0) from ledger_entries
                where a.id in (debit, credit))
            union all
            select 'lots', a.id from ledger_accounts a where a.kind = 'available' and a.balance <> (
                select coalesce(sum(available), 0) from ledger_lots l where l.owner = a.owner)
            """)
        )
        return [tuple(row) for row in rows]


def _balance(engine: Engine, owner: UUID) -> int:
    with engine.connect() as connection:
        return _ledger(connection).read([owner], KINDS)[owner]["available"].balance


def test_what_is_due_is_gone_and_its_owners_account_with_it(engine: Engine) -> None:
    owner = _owner(engine, 5, 7)
    assert _sweep(engine) == (2, 12)
    assert _balance(engine, owner) == 0
    assert _sweep(engine) == (0, 0)
    assert _differences(engine) == []


def test_a_round_takes_no_more_lots_than_its_limit(engine: Engine) -> None:
    _owner(engine, *range(1, 12))
    assert _sweep(engine, limit=5)[0] == 5
    assert _differences(engine) == []


def test_an_owner_whom_somebody_works_on_is_left_out_and_nobody_waits(engine: Engine) -> None:
    busy, free = _owner(engine, 5), _owner(engine, 7)
    with engine.begin() as other:
        _ledger(other).lock([busy], KINDS)
        assert _sweep(engine) == (1, 7)
    assert (_balance(engine, busy), _balance(engine, free)) == (5, 0)


def test_sweepers_take_different_parts_of_what_is_due(engine: Engine) -> None:
    for _ in range(20):
        _owner(engine, 1)
    with engine.begin() as first, engine.begin() as second:
        taken = [_ledger(each).expire(NOW, into="breakage", limit=10) for each in (first, second)]
    assert taken == [(5, 5), (5, 5)]
    assert _differences(engine) == []


def test_a_lot_that_is_spent_while_the_sweep_waits_for_it_loses_what_is_left(engine: Engine) -> None:
    """No code of ours changes a lot without its account's lock; here it happens, to see what is read then."""
    owner = _owner(engine, 9)
    swept: list[tuple[int, int]] = []
    with engine.begin() as spender:
        spender.execute(text("update ledger_lots set available = 4 where owner = :owner"), {"owner": owner})
        sweeper = threading.Thread(target=lambda: swept.append(_sweep(engine)))
        sweeper.start()
        until(lambda: _blocked(engine))
    sweeper.join()
    assert swept == [(1, 4)]


def _blocked(engine: Engine) -> bool:
    with engine.connect() as connection:
        query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        return bool(connection.execute(text(query)).scalar_one())
