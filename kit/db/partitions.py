"""Tables that only grow, divided by their ascending id and so by time: each partition takes the next `SIZE` ids.

A migration divides a table with `divide`; the role `consume` keeps partitions ahead of the newest id with `extend` and
the planner's figures fresh with `analyse` (kit/worker/room.py). Rows go to the table under its own name, as before.

There is no default partition: it would have to be searched, under a lock, before any partition could be added.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

SIZE = 50_000_000
"""Ids in one partition."""

AHEAD = 2
"""Whole empty partitions that are kept beyond the newest id."""

_TABLES = text("""
    select c.relname from pg_partitioned_table p join pg_class c on c.oid = p.partrelid
    where p.partstrat = 'r' and c.relnamespace = cast(current_schema() as regnamespace) order by 1
""")
_PARTITIONS = text("""
    select c.relname from pg_class c
    where c.relispartition and c.relkind = 'r' and c.relnamespace = cast(current_schema() as regnamespace) order by 1
""")
_INDEXES = text("""
    select c.relname, pg_get_indexdef(c.oid), i.indisprimary
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = cast(:table as regclass) order by 1
""")
_TRIGGERS = text("""
    select pg_get_triggerdef(oid) from pg_trigger
    where tgrelid = cast(:table as regclass) and not tgisinternal order by tgname
""")
_RIGHTS = text("""
    select case a.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(a.grantee)) end, a.privilege_type
    from pg_class c, aclexplode(c.relacl) a where c.oid = cast(:table as regclass)
""")
_HINTS = text("""
    select quote_ident(attname), array_to_string(attoptions, ', ') from pg_attribute
    where attrelid = cast(:table as regclass) and attoptions is not null order by attnum
""")
_WHOLE_NAME = text("""
    select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = cast(:table as regclass)
""")
_NEXT = text("select nextval(pg_get_serial_sequence(:table, 'id'))")
_NEWEST = text("""
    select coalesce(pg_sequence_last_value(seqrelid), seqstart) from pg_sequence
    where seqrelid = cast(pg_get_serial_sequence(:table, 'id') as regclass)
""")
_END = text(r"""
    select max(cast(substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''(\d+)''\)') as bigint))
    from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = cast(:table as regclass)
""")
_STALE = text("""
    select greatest(t.reltuples, 0) < 0.8 * (
        select sum(greatest(c.reltuples, 0)) from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = t.oid
    )
    from pg_class t where t.oid = cast(:table as regclass)
""")


def divide(operations: Any, table: str, *, size: int = SIZE) -> None:
    """Make `table` the first partition of a divided table of its name; `operations` is alembic's `op`.

    Nothing is copied: the table is read once, to see that its ids are below the bound of its partition, and its indexes
    become parts of the new ones. Columns, checks, indexes, triggers and rights are those of before, and ids go on where
    they were. Only for a table whose key is `id`, an identity, and which no foreign key refers to. A check
    `<table>_bound` that says as much (docs/operations.md) spares the reading, for which everybody waits.
    """
    connection: Connection = operations.get_bind()
    first = f"{table}_from_0"
    _run(connection, f"lock table {table} in access exclusive mode")
    following = _number(connection, _NEXT, table)
    indexes = connection.execute(_INDEXES, {"table": table}).all()
    triggers = connection.execute(_TRIGGERS, {"table": table}).scalars().all()
    _run(connection, f"alter table {table} alter column id drop identity")
    for name, _, _ in indexes:
        _run(connection, f"alter index {name} rename to {first}{name.removeprefix(table)}")
    _run(connection, f"alter table {table} rename to {first}")
    _run(connection, f"create table {table} (like {first} including all excluding indexes) partition by range (id)")
    _run(connection, f"alter table {table} alter column id add generated always as identity (start with {following})")
    for name, definition, primary in indexes:
        _run(connection, f"alter table {table} add constraint {name} primary key (id)" if primary else definition)
    for definition in triggers:
        _run(connection, definition)
    _copy_hints(connection, first, table)
    _copy_rights(connection, first, table)
    _run(connection, f"alter table {table} drop constraint if exists {table}_bound")
    end = (following // size + 1) * size
    _run(connection, f"alter table {table} attach partition {first} for values from (minvalue) to ({end})")
    _run(connection, f"alter table {first} drop constraint if exists {table}_bound")
    extend(connection, table, size=size)


def divided(connection: Connection) -> list[str]:
    """The tables that are divided."""
    return [*connection.execute(_TABLES).scalars()]


def partitions(connection: Connection) -> list[str]:
    """The partitions of all tables."""
    return [*connection.execute(_PARTITIONS).scalars()]


def extend(connection: Connection, table: str, *, size: int = SIZE, ahead: int = AHEAD) -> list[str]:
    """Add the partitions that are missing beyond the newest id; their names. Nobody who reads or writes has to wait."""
    newest, end = _number(connection, _NEWEST, table), _number(connection, _END, table)
    added = []
    while end <= newest + ahead * size:
        added.append(_add(connection, table, end, end + size))
        end += size
    return added


def analyse(connection: Connection, table: str) -> bool:
    """Count anew what the planner believes of the whole table, if it has grown by a quarter; whether it had.

    PostgreSQL does this by itself for partitions, not for the table that is made of them.
    """
    stale = bool(connection.scalar(_STALE, {"table": table}))
    if stale:
        _run(connection, f"analyze only {table}")
    return stale


def _add(connection: Connection, table: str, start: int, end: int) -> str:
    """Made apart and then attached: `create table ... partition of` would make everybody wait."""
    name = f"{table}_from_{start}"
    _run(connection, f"create table {name} (like {table} including all excluding identity)")
    parent, child = (connection.scalar(_WHOLE_NAME, {"table": each}) for each in (table, name))
    # PostgreSQL gives partitions the triggers for rows, not those for statements.
    for definition in connection.execute(_TRIGGERS, {"table": table}).scalars().all():
        _run(connection, definition.replace(f" ON {parent} ", f" ON {child} "))
    _copy_hints(connection, table, name)
    _copy_rights(connection, table, name)
    _run(connection, f"alter table {table} attach partition {name} for values from ({start}) to ({end})")
    return name


def _copy_hints(connection: Connection, source: str, target: str) -> None:
    """What the planner is told of columns."""
    for column, options in connection.execute(_HINTS, {"table": source}).all():
        _run(connection, f"alter table {target} alter column {column} set ({options})")


def _copy_rights(connection: Connection, source: str, target: str) -> None:
    rights = connection.execute(_RIGHTS, {"table": source}).all()
    if rights:
        _run(connection, f"revoke all on {target} from current_user")
    for grantee, right in rights:
        _run(connection, f"grant {right} on {target} to {grantee}")


def _number(connection: Connection, statement: Any, table: str) -> int:
    return int(connection.execute(statement, {"table": table}).scalar_one())


def _run(connection: Connection, statement: str) -> None:
    # As it stands: definitions out of the catalogue may hold colons and percent signs.
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
