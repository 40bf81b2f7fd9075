"""What was proved of orders."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, PrimaryKeyConstraint, Table, Text, Uuid

from services.orders.storage.tables.base import metadata

# Append-only: a trigger refuses changes. Signed statements, a chain per order.
order_verifications = Table(
    "order_verifications",
    metadata,
    Column("order_id", Uuid),
    Column("sequence", BigInteger),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("jws", Text, nullable=False),
    PrimaryKeyConstraint("order_id", "sequence", name="order_verifications_pkey"),
)

# What the last comparison of everything found; every replica shows the same.
order_sweeps = Table(
    "order_sweeps",
    metadata,
    Column("name", Text, primary_key=True),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("differences", Text, nullable=False),
)
