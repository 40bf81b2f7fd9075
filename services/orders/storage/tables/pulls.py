"""How far the platforms of shops were asked for orders that changed."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKey, Integer, Table, Text, Uuid

from services.orders.storage.tables.base import metadata

channel_pulls = Table(
    "channel_pulls",
    metadata,
    Column("shop", Text, ForeignKey("shops.code", name="channel_pulls_shop"), primary_key=True),
    # All that changed before is known.
    Column("position", DateTime(timezone=True), nullable=False),
    Column("due_time", DateTime(timezone=True), nullable=False),
    # Whose round it is, until when.
    Column("lease", Uuid),
    Column("lease_until", DateTime(timezone=True)),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("success_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True), nullable=False),
)
