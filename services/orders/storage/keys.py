"""Keys of what is sealed: wrap them anew under another master key, in batches that can be stopped at any moment."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, text

from kit.vault import Vault, WrappedKey

SEALED = {"delivery_addresses": ("order_id", "owner"), "payment_notices": ("id", "id"), "invoices": ("id", "id")}
"""The tables with data keys of their own: the column of their key, and that of whom the data key belongs to."""


def rewrap(connection: Connection, vault: Vault, table: str, *, limit: int) -> int:
    """Wrap keys of a table, at most so many, that another master key than the primary wraps; answers how many.

    Raises Unreadable when the master key of one of them is missing.
    """
    key, owner = SEALED[table]
    others = text(f"""
        select {key} as id, {owner} as owner, key_id, wrapped from {table} where key_id <> :primary
        order by {key} limit :limit for update
    """)  # noqa: S608 - constants
    rows = connection.execute(others, {"primary": vault.primary, "limit": limit}).all()
    if rows:
        wrap = text(f"""
            update {table} t set key_id = :primary, wrapped = n.wrapped
            from unnest(cast(:ids as uuid[]), cast(:wrapped as bytea[])) as n (id, wrapped) where t.{key} = n.id
        """)  # noqa: S608 - constants
        stored = [(UUID(str(row.owner)), WrappedKey(row.key_id, bytes(row.wrapped))) for row in rows]
        fresh = [vault.rewrapped(wrapped, whose.bytes).wrapped for whose, wrapped in stored]
        connection.execute(wrap, {"primary": vault.primary, "ids": [row.id for row in rows], "wrapped": fresh})
    return len(rows)
