"""Who stands for whom among members."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Index, Table, Uuid, text

from services.orders.storage.tables.base import metadata

# As kit/db/merges.py reads and writes it. Whatever else is stored keeps the member that it came under.
members = Table(
    "members",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    # Who the member was merged into, as of the newest event; `root_id` is the end of the chain, or the member.
    Column("into_id", Uuid),
    Column("link_time", DateTime(timezone=True), nullable=False),
    Column("link_version", BigInteger, nullable=False),
    Column("root_id", Uuid, nullable=False),
)
Index("members_into", members.c.into_id, postgresql_where=text("into_id is not null"))
Index("members_root", members.c.root_id, postgresql_where=text("root_id <> member_id"))

# Who asked to be forgotten: nothing personal is stored of them again.
erased_members = Table(
    "erased_members",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("erase_time", DateTime(timezone=True), nullable=False),
)
