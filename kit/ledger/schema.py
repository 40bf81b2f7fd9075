"""The tables of a ledger, and the steps by which a service's migrations make them.

A service that keeps a ledger calls `create` in one migration, and `add_lots`, `divide`, `index_lapses`,
`mark_announced` and `index_heirs` in it or in later ones.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    false,
    text,
)

from kit.db import indexes, partitions


def define(metadata: MetaData) -> None:
    """Add the ledger's tables to a service's metadata."""
    accounts, entries = _begin(metadata, postgresql_partition_by="range (id)")
    # Who took the accounts over; whoever locks them is led there without another query.
    accounts.append_column(Column("heir", Uuid))
    Index(_HEIRS, *(accounts.c[name] for name in _HEIR_COLUMNS), postgresql_where=text(_TAKEN_OVER))
    entries.append_column(Column("lot", Uuid))
    Index(_LAPSED, entries.c.source, postgresql_where=text(_LAPSES))
    _lots(metadata).append_column(_announced())


def create(operations: Any) -> None:
    """Create accounts and entries, as they were at first; `operations` is alembic's `op`."""
    metadata = MetaData()
    _begin(metadata)
    metadata.create_all(operations.get_bind())
    operations.execute(_APPEND_ONLY)


def add_lots(operations: Any) -> None:
    """Divide accounts into lots, and let accounts be taken over. Balances of before belong to no lot yet."""
    operations.add_column("ledger_accounts", Column("heir", Uuid))
    operations.add_column("ledger_entries", Column("lot", Uuid))
    metadata = MetaData()
    _lots(metadata)
    metadata.create_all(operations.get_bind())
    operations.execute("revoke delete, truncate on ledger_lots from current_user")


def divide(operations: Any) -> None:
    """Divide the entries by their ids, which is by time: the log never ends."""
    operations.execute(_MANY_ACCOUNTS)
    partitions.divide(operations, "ledger_entries")


def index_lapses(operations: Any) -> None:
    """Let what has expired of a source's lots be found: the log alone remembers it."""
    where = text(_LAPSES)
    operations.create_index(_LAPSED, "ledger_entries", ["source"], postgresql_where=where, if_not_exists=True)


def index_lapses_before(connection: Connection) -> None:
    """Build the index of `index_lapses` on the entries that are there, before the migration."""
    indexes.build(connection, _LAPSED, "ledger_entries", ["source"], where=_LAPSES)


def index_heirs(operations: Any) -> None:
    """Let heirs be found, so that they are locked along with those whose accounts they took over."""
    where = text(_TAKEN_OVER)
    operations.create_index(_HEIRS, "ledger_accounts", _HEIR_COLUMNS, postgresql_where=where, if_not_exists=True)


def index_heirs_before(connection: Connection) -> None:
    """Build the index of `index_heirs` on the accounts that are there, before the migration."""
    indexes.build(connection, _HEIRS, "ledger_accounts", _HEIR_COLUMNS, where=_TAKEN_OVER)


def mark_announced(operations: Any) -> None:
    """Let lots say that their owners were told of the end when it was fixed."""
    operations.add_column("ledger_lots", _announced())


def _announced() -> Column[bool]:
    return Column("announced", Boolean, nullable=False, server_default=false())


def _begin(metadata: MetaData, **entries_options: Any) -> tuple[Table, Table]:
    accounts = Table(
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
        **entries_options,
    )
    Index("ledger_entries_debit", entries.c.debit, entries.c.id)
    Index("ledger_entries_credit", entries.c.credit, entries.c.id)
    return accounts, entries


def _lots(metadata: MetaData) -> Table:
    lots = Table(
        "ledger_lots",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("unit", Text, nullable=False),
        Column("owner", Uuid, nullable=False),
        Column("source", Text, nullable=False),
        Column("granted", BigInteger, nullable=False),
        Column("grant_time", DateTime(timezone=True), nullable=False),
        Column("available_time", DateTime(timezone=True)),
        Column("expire_time", DateTime(timezone=True)),
        Column("pending", BigInteger, nullable=False),
        Column("available", BigInteger, nullable=False),
        Column("held", BigInteger, nullable=False),
        CheckConstraint("granted > 0", name="ledger_lots_granted"),
        CheckConstraint("pending >= 0 and available >= 0 and held >= 0", name="ledger_lots_bound"),
    )
    # The order of spending. Nulls come last, as they should: what never expires is spent last.
    Index(
        "ledger_lots_spendable",
        lots.c.owner,
        lots.c.unit,
        lots.c.expire_time,
        lots.c.grant_time,
        lots.c.id,
        postgresql_where=text("available > 0"),
    )
    Index(
        "ledger_lots_expiring",
        lots.c.expire_time,
        lots.c.owner,
        postgresql_where=text("available > 0 and expire_time is not null"),
    )
    Index("ledger_lots_pending", lots.c.owner, lots.c.unit, postgresql_where=text("pending > 0"))
    Index(
        "ledger_lots_maturing",
        lots.c.available_time,
        postgresql_where=text("pending > 0 and available_time is not null"),
    )
    return lots


_HEIRS = "ledger_accounts_heirs"
_HEIR_COLUMNS = ["owner", "unit", "heir"]
_TAKEN_OVER = "heir is not null"
_LAPSED = "ledger_entries_lapsed"
_LAPSES = "kind = 'LAPSE' and lot is not null"

_APPEND_ONLY = """
create function ledger_append_only() returns trigger language plpgsql as
$$ begin raise exception 'entries of the ledger are never changed: post a transfer that reverses'; end $$;
create trigger ledger_append_only before update or delete or truncate on ledger_entries
    for each statement execute function ledger_append_only();
revoke update, delete, truncate on ledger_entries from current_user;
revoke delete, truncate on ledger_accounts from current_user;
"""

# Where nobody has spent yet, the house is on the debit side of every entry, and the planner would believe that of any
# account: to find the newest entries of one, it would walk through the whole log. It is told that each has twenty.
_MANY_ACCOUNTS = """
alter table ledger_entries
    alter column debit set (n_distinct = -0.05, n_distinct_inherited = -0.05),
    alter column credit set (n_distinct = -0.05, n_distinct_inherited = -0.05);
"""
