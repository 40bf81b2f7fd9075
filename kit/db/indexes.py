"""Indexes on tables that are in use: built before a migration, without anybody having to wait."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

# The table or, as the whole of a divided one can't be built an index this way, its partitions.
_PARTS = text("""
    select cast(c.oid as regclass)::text from pg_class c
    where c.relkind = 'r' and (c.oid = to_regclass(:table)
        or c.oid in (select inhrelid from pg_inherits where inhparent = to_regclass(:table)))
    order by c.oid
""")
_COLUMNS = text("select count(*) from pg_attribute where attrelid = to_regclass(:table) and attname = any(:columns)")
_HAS = text("select indisvalid from pg_index where indexrelid = to_regclass(:name)")


def build(connection: Connection, name: str, table: str, columns: Sequence[str], *, where: str = "") -> None:
    """Build an index on the rows that are there. The connection commits each statement.

    The migration creates it then `if_not_exists`: of a divided table it takes over what its partitions have. Nothing is
    done where there are no such columns yet, or the index is there; what was given up half-way is built anew.
    """
    if connection.scalar(_COLUMNS, {"table": table, "columns": list(columns)}) != len(columns):
        return
    for part in connection.execute(_PARTS, {"table": table}).scalars().all():
        index = name if part == table else f"{part}{name.removeprefix(table)}"
        valid = connection.scalar(_HAS, {"name": index})
        if valid is False:
            connection.execute(text(f"drop index concurrently {index}"))
        if not valid:
            rows = "({})".format(", ".join(f'"{column}"' for column in columns)) + (f" where {where}" if where else "")
            connection.execute(text(f"create index concurrently {index} on {part} {rows}"))
