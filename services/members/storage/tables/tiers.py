"""Tiers given by hand, and the growth value that orders earned. The accounts of growth value are the ledger's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, PrimaryKeyConstraint, Table, Text, Uuid

from services.members.storage.tables.base import metadata

# Append-only: a member's tiers follow from all acts, also from those that others took back.
tier_overrides = Table(
    "tier_overrides",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("member", Uuid, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("tier", Text, nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
)
Index("tier_overrides_member", tier_overrides.c.member, tier_overrides.c.id)

order_growth = Table(
    "order_growth",
    metadata,
    Column("member", Uuid),
    Column("order", Uuid),
    Column("growth", BigInteger, nullable=False),
    PrimaryKeyConstraint("member", "order", name="order_growth_pkey"),
)
