"""The keys of what is personal.

They have a table of their own so that they can be left out of copies that are kept for long: without its row here, what
is sealed of a member stays shut for ever.
"""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table, Text, Uuid

from services.members.storage.tables.base import metadata

member_keys = Table(
    "member_keys",
    metadata,
    Column("member", Uuid, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)
