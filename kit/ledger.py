"""The tables and set-based statements under `kit.posting`: one append-only ledger for points and whatever is counted.

An entry is one transfer. Nobody changes or deletes an entry: the role has no right to, and a trigger refuses those who
have. An account's balance is a projection of its entries, kept by the statement that writes them and bounded by a
CHECK, so that even a fault in a domain can't spend what is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.sql.elements import TextClause

from kit.posting import Sign, Transfer, changes


class Position(NamedTuple):
    """Where an account stands: its balance, and how many transfers have touched it."""

    balance: int
    version: int


Positions = dict[UUID, dict[str, Position]]
"""By owner, then by kind of account."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A posted transfer, as one of its owners sees it. `id` rises with time within an account."""

    id: int
    debit: str
    credit: str
    amount: int
    kind: str
    source: str
    effective_time: datetime
    create_time: datetime


class Ledger:
    """The ledger of one unit of account, such as points, in one transaction.

    `house` owns the open accounts, those of the enterprise itself.
    """

    def __init__(self, connection: Connection, *, unit: str, house: UUID) -> None:
        self._connection = connection
        self._unit = unit
        self._house = house
        self._ids: dict[UUID, dict[str, int]] = {}

    def open(self, owners: Sequence[UUID], signs: Mapping[str, Sign]) -> None:
        """Open the same accounts, each empty, for every owner."""
        columns = {
            "unit": self._unit,
            "owners": [owner for owner in owners for _ in signs],
            "kinds": [kind for _ in owners for kind in signs],
            "signs": [int(sign) for _ in owners for sign in signs.values()],
        }
        self._connection.execute(_OPEN, columns)

    def lock(self, owners: Collection[UUID], kinds: Sequence[str], *, wait: bool = True) -> Positions:
        """Lock accounts until the end of the transaction; owners without such accounts are missing in the answer.

        Accounts are locked in one order, so that two transactions can't lock each other out. Without `wait`, owners
        that another transaction has locked are left out.
        """
        positions = self._positions(_LOCK if wait else _LOCK_FREE, owners, kinds)
        return {owner: held for owner, held in positions.items() if len(held) == len(kinds)}

    def read(self, owners: Collection[UUID], kinds: Sequence[str]) -> Positions:
        """Where the accounts stand, without a lock."""
        return self._positions(_READ, owners, kinds)

    def post(self, transfers: Sequence[Transfer], *, now: datetime) -> None:
        """Write the transfers and move the balances. The accounts with a balance must be locked."""
        if not transfers:
            return
        ids = self._ids
        moved = [
            (ids[owner][kind], *change) for (owner, kind), change in changes(transfers).items() if owner != self._house
        ]
        causes = [transfer.cause for transfer in transfers]
        self._connection.execute(
            _POST,
            {
                "accounts": [account for account, _, _ in moved],
                "changes": [amount for _, amount, _ in moved],
                "counts": [count for _, _, count in moved],
                "debits": [ids[transfer.debit.owner][transfer.debit.kind] for transfer in transfers],
                "credits": [ids[transfer.credit.owner][transfer.credit.kind] for transfer in transfers],
                "amounts": [transfer.amount for transfer in transfers],
                "kinds": [cause.kind for cause in causes],
                "sources": [cause.source for cause in causes],
                "times": [cause.time for cause in causes],
                "now": now,
            },
        )

    def entries(self, owner: UUID, *, before: int | None, limit: int) -> list[Entry]:
        """The owner's entries with an id below `before`, the newest first."""
        query = {"unit": self._unit, "owner": owner, "before": before, "limit": limit}
        return [Entry(*row) for row in self._connection.execute(_ENTRIES, query).all()]

    def _positions(self, statement: TextClause, owners: Collection[UUID], kinds: Sequence[str]) -> Positions:
        """Read rows of one owner each, and keep the accounts' ids for `post`."""
        query = {"unit": self._unit, "owners": list(owners), "kinds": list(kinds), "house": self._house}
        positions: Positions = {}
        for owner, found, ids, balances, versions in self._connection.execute(statement, query).all():
            self._ids.setdefault(owner, {}).update(zip(found, ids, strict=True))
            if owner != self._house:
                positions[owner] = dict(zip(found, map(Position, balances, versions), strict=True))
        return positions


_OPEN = text("""
    insert into ledger_accounts (unit, owner, kind, sign, balance)
    select :unit, a.owner, a.kind, a.sign, case a.sign when 0 then null else 0 end
    from unnest(cast(:owners as uuid[]), cast(:kinds as text[]), cast(:signs as smallint[])) as a (owner, kind, sign)
""")

# The house's accounts come along unlocked: their ids are needed, and a lock on them would make everybody queue.
_SELECT = """
    with asked as (
        select id, owner, kind, balance, version from ledger_accounts
        where unit = :unit and owner = any(cast(:owners as uuid[])) and kind = any(cast(:kinds as text[]))
        {lock}
    ), found as (
        select * from asked
        union all select id, owner, kind, balance, version from ledger_accounts where unit = :unit and owner = :house
    )
    select owner, array_agg(kind), array_agg(id), array_agg(balance), array_agg(version) from found group by owner
"""
_READ = text(_SELECT.format(lock=""))
_LOCK = text(_SELECT.format(lock="order by id for update"))
_LOCK_FREE = text(_SELECT.format(lock="order by id for update skip locked"))

_POST = text("""
    with moved as (
        update ledger_accounts a set balance = a.balance + c.amount, version = a.version + c.count
        from unnest(cast(:accounts as bigint[]), cast(:changes as bigint[]), cast(:counts as bigint[]))
            as c (id, amount, count)
        where a.id = c.id
    )
    insert into ledger_entries (debit, credit, amount, kind, source, effective_time, create_time)
    select e.*, cast(:now as timestamptz)
    from unnest(cast(:debits as bigint[]), cast(:credits as bigint[]), cast(:amounts as bigint[]),
                cast(:kinds as text[]), cast(:sources as text[]), cast(:times as timestamptz[])) as e
""")

# Each account is read through its own index, newest first, and never further than the page.
_ENTRIES = text("""
    with mine as (select id from ledger_accounts where unit = :unit and owner = :owner),
    page as (
        select e.* from mine cross join lateral (
            select * from ledger_entries
            where debit = mine.id and id < coalesce(cast(:before as bigint), 9223372036854775807)
            order by id desc limit :limit
        ) e
        union
        select e.* from mine cross join lateral (
            select * from ledger_entries
            where credit = mine.id and id < coalesce(cast(:before as bigint), 9223372036854775807)
            order by id desc limit :limit
        ) e
    )
    select page.id, d.kind, c.kind, page.amount, page.kind, page.source, page.effective_time, page.create_time
    from page join ledger_accounts d on d.id = page.debit join ledger_accounts c on c.id = page.credit
    order by page.id desc limit :limit
""")


def define(metadata: MetaData) -> None:
    """Add the ledger's tables to a service's metadata."""
    Table(
        "ledger_accounts",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        Column("unit", Text, nullable=False),
        Column("owner", Uuid, nullable=False),
        Column("kind", Text, nullable=False),
        Column("sign", SmallInteger, nullable=False),
        Column("balance", BigInteger),
        Column("version", BigInteger, nullable=False, server_default="0"),
        UniqueConstraint("owner", "unit", "kind", name="ledger_accounts_owner"),
        CheckConstraint("balance * sign >= 0", name="ledger_accounts_bound"),
        CheckConstraint("(balance is null) = (sign = 0)", name="ledger_accounts_projection"),
        # Every posting updates balances: room on the page keeps the updates off the indexes.
        postgresql_with={"fillfactor": 70},
    )
    entries = Table(
        "ledger_entries",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        # No foreign keys: the ids come from locked accounts, which are never deleted, and the checks of a foreign key
        # would lock the accounts of the house once per entry.
        Column("debit", BigInteger, nullable=False),
        Column("credit", BigInteger, nullable=False),
        Column("amount", BigInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("effective_time", DateTime(timezone=True), nullable=False),
        Column("create_time", DateTime(timezone=True), nullable=False),
        CheckConstraint("amount > 0", name="ledger_entries_amount"),
        CheckConstraint("debit <> credit", name="ledger_entries_sides"),
    )
    Index("ledger_entries_debit", entries.c.debit, entries.c.id)
    Index("ledger_entries_credit", entries.c.credit, entries.c.id)


def create(operations: Any) -> None:
    """Create the ledger's tables; a migration of a service that keeps a ledger calls this with alembic's `op`."""
    metadata = MetaData()
    define(metadata)
    metadata.create_all(operations.get_bind())
    operations.execute(_APPEND_ONLY)


_APPEND_ONLY = """
create function ledger_append_only() returns trigger language plpgsql as
$$ begin raise exception 'entries of the ledger are never changed: post a transfer that reverses'; end $$;
create trigger ledger_append_only before update or delete or truncate on ledger_entries
    for each statement execute function ledger_append_only();
revoke update, delete, truncate on ledger_entries from current_user;
revoke delete, truncate on ledger_accounts from current_user;
"""
