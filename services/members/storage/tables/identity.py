"""The keys of what is personal, and merges.

The keys have a table of their own so that they can be left out of copies that are kept for long: without its row here,
what is sealed of a member stays shut for ever.
"""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from services.members.storage.tables.base import metadata

member_keys = Table(
    "member_keys",
    metadata,
    Column("member", Uuid, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)

merges = Table(
    "merges",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("gone", Uuid, nullable=False),
    Column("kept", Uuid, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("document", JSONB, nullable=False),
)
Index("merges_gone", merges.c.gone)
Index("merges_active", merges.c.gone, unique=True, postgresql_where=text("state = 'ACTIVE'"))

# Which rows a merge has given another owner, by table and key, so that the same ones go back.
merge_moves = Table(
    "merge_moves",
    metadata,
    Column("merge", Uuid, ForeignKey("merges.id")),
    Column("kind", Text),
    Column("key", JSONB),
    Column("state", Text, nullable=False),
    PrimaryKeyConstraint("merge", "kind", "key", name="merge_moves_pkey"),
)
