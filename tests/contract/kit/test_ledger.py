"""kit.ledger on a real database: balances follow the entries, bounds hold, and what is written stays."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg2
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from kit.db.engines import sync_url
from kit.ledger import Ledger, Position, statements
from kit.posting import Account, Cause, Sign, Transfer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CAUSE = Cause("TEST", "tests/1", NOW)
HOUSE = uuid.UUID(int=1)
SIGNS = {"available": Sign.CREDIT, "owed": Sign.DEBIT}
KINDS = tuple(SIGNS)


@pytest.fixture
def engine(migrated: Callable[[str], str]) -> Iterator[Engine]:
    engine = create_engine(sync_url(migrated("members")))
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        _ledger(connection).open([HOUSE], {"house": Sign.OPEN})
        yield connection


@pytest.fixture
def owner(connection: Connection) -> UUID:
    owner = uuid.uuid4()
    _ledger(connection).open([owner], SIGNS)
    connection.commit()
    return owner


def _ledger(connection: Connection) -> Ledger:
    return Ledger(connection, unit="tests", house=HOUSE)


def give(owner: UUID, amount: int, *, kind: str = "available") -> Transfer:
    return Transfer(Account(HOUSE, "house"), Account(owner, kind), amount, CAUSE)


def take(owner: UUID, amount: int, *, kind: str = "available") -> Transfer:
    return Transfer(Account(owner, kind), Account(HOUSE, "house"), amount, CAUSE)


def post(connection: Connection, owner: UUID, *transfers: Transfer) -> Ledger:
    ledger = _ledger(connection)
    ledger.lock([owner], KINDS)
    ledger.post(transfers, now=NOW)
    return ledger


def test_new_accounts_are_empty(connection: Connection, owner: UUID) -> None:
    assert _ledger(connection).read([owner], KINDS) == {owner: {"available": Position(0, 0), "owed": Position(0, 0)}}


def test_an_owner_has_an_account_once(connection: Connection, owner: UUID) -> None:
    with pytest.raises(DBAPIError, match="ledger_accounts_owner"):
        _ledger(connection).open([owner], SIGNS)


def test_balances_follow_the_transfers(connection: Connection, owner: UUID) -> None:
    ledger = post(connection, owner, give(owner, 10), give(owner, 5), take(owner, 3), take(owner, 4, kind="owed"))
    assert ledger.read([owner], KINDS)[owner] == {"available": Position(12, 3), "owed": Position(-4, 1)}


@pytest.mark.parametrize("transfer", [lambda owner: take(owner, 11), lambda owner: give(owner, 1, kind="owed")])
def test_no_statement_takes_an_account_beyond_its_bound(
    connection: Connection, owner: UUID, transfer: Callable[[UUID], Transfer]
) -> None:
    post(connection, owner, give(owner, 10))
    with pytest.raises(DBAPIError, match="ledger_accounts_bound"):
        post(connection, owner, transfer(owner))


def test_the_balance_of_every_account_is_the_sum_of_its_entries(connection: Connection, owner: UUID) -> None:
    post(connection, owner, *(give(owner, n) for n in range(1, 20)), *(take(owner, n) for n in range(1, 9)))
    differing = connection.execute(
        text("""
            select a.id from ledger_accounts a
            where a.sign <> 0 and a.balance <> coalesce((select sum(amount) from ledger_entries where credit = a.id), 0)
                                             - coalesce((select sum(amount) from ledger_entries where debit = a.id), 0)
        """)
    ).all()
    assert differing == []


def test_posting_nothing_writes_nothing(connection: Connection, owner: UUID) -> None:
    post(connection, owner)
    assert connection.execute(text("select count(*) from ledger_entries")).scalar_one() == 0


def test_an_account_that_was_not_locked_cannot_be_posted_to(connection: Connection, owner: UUID) -> None:
    with pytest.raises(KeyError):
        _ledger(connection).post([give(owner, 1)], now=NOW)


def test_who_has_no_accounts_is_missing(connection: Connection, owner: UUID) -> None:
    stranger = uuid.uuid4()
    assert set(_ledger(connection).lock([owner, stranger], KINDS)) == {owner}


@pytest.mark.parametrize(
    "statement", ["update ledger_entries set amount = 1", "delete from ledger_entries", "truncate ledger_entries"]
)
def test_entries_are_never_changed(connection: Connection, owner: UUID, statement: str) -> None:
    post(connection, owner, give(owner, 10))
    with pytest.raises(DBAPIError) as refusal:
        connection.execute(text(statement))
    assert isinstance(refusal.value.orig, psycopg2.Error)
    assert refusal.value.orig.pgcode in ("P0001", "42501")  # the trigger, or the missing right


def test_the_owner_of_the_tables_has_no_right_to_change_entries(connection: Connection) -> None:
    rights = connection.execute(
        text("""
            select privilege_type from information_schema.table_privileges
            where table_name = 'ledger_entries' and grantee = current_user
        """)
    ).scalars()
    assert not {"UPDATE", "DELETE", "TRUNCATE"} & set(rights)


def test_pages_show_every_entry_once_the_newest_first(connection: Connection, owner: UUID) -> None:
    ledger = post(connection, owner, *(give(owner, n) for n in (1, 2, 3)), take(owner, 4), take(owner, 5, kind="owed"))
    first = ledger.entries(owner, before=None, limit=3)
    second = ledger.entries(owner, before=first[-1].id, limit=3)
    assert [entry.amount for entry in [*first, *second]] == [5, 4, 3, 2, 1]
    assert (first[0].debit, first[0].credit, first[0].kind, first[0].source) == ("owed", "house", "TEST", "tests/1")
    assert (first[0].effective_time, first[0].create_time) == (NOW, NOW)


def test_another_unit_has_other_accounts(connection: Connection, owner: UUID) -> None:
    other = Ledger(connection, unit="others", house=HOUSE)
    assert other.read([owner], KINDS) == {}
    other.open([owner], SIGNS)
    assert other.read([owner], KINDS)[owner]["available"] == Position(0, 0)


def test_a_locked_owner_is_left_out_when_nobody_waits(engine: Engine, connection: Connection, owner: UUID) -> None:
    free = uuid.uuid4()
    _ledger(connection).open([free], SIGNS)
    connection.commit()
    _ledger(connection).lock([owner], ["available"])
    with engine.connect() as another:
        assert set(_ledger(another).lock([owner, free], KINDS, wait=False)) == {free}


@pytest.mark.parametrize("before", [None, 15_000])
def test_a_page_reads_what_it_shows_even_where_the_house_is_on_one_side_of_every_entry(
    connection: Connection, owner: UUID, before: int | None
) -> None:
    """The planner then believes that whatever account is asked for has as many: it must not walk through the log."""
    post(connection, owner, *(give(owner, n) for n in (1, 2, 3)))
    connection.execute(
        text("""
            insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time)
            select e.debit, 1000 + n % 1000, 1, 'TEST', 'tests/1', now(), now()
            from generate_series(1, 20000) n, (select debit from ledger_entries limit 1) e
        """)
    )
    connection.execute(text("analyze ledger_entries"))
    query = {"unit": "tests", "owner": owner, "before": before, "limit": 20}
    plan = connection.execute(text(f"explain (analyze, buffers, format json) {statements.ENTRIES}"), query).scalar_one()
    assert plan[0]["Plan"]["Actual Rows"] == 3
    assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] < 150
