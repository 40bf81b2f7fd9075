"""Shops on other platforms, and what they told of their orders."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from services.orders.storage.tables.base import metadata

shops = Table(
    "shops",
    metadata,
    Column("code", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

# The newest version that was told of an order, and the order here. `told` has a form of its own (domain/ingest.py);
# nothing in it is about a person but the member's id.
ingested_orders = Table(
    "ingested_orders",
    metadata,
    Column("shop", Text, ForeignKey("shops.code", name="ingested_orders_shop"), primary_key=True),
    Column("tid", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("modify_time", DateTime(timezone=True)),
    Column("told", Text),
    Column("order_id", Uuid),
    # Why it does not stand here as there: [[reason, subject], ...].
    Column("snags", JSONB, nullable=False, server_default="[]"),
    # What the platform's amounts are more than ours, in ten-thousandths of a unit.
    Column("residue", BigInteger, nullable=False, server_default="0"),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("state in ('NEW', 'STORED', 'EXCEPTION')", name="ingested_orders_state"),
    CheckConstraint("state = 'NEW' or (told is not null and modify_time is not null)", name="ingested_orders_told"),
)
Index(
    "ingested_orders_order",
    ingested_orders.c.order_id,
    unique=True,
    postgresql_where=text("order_id is not null"),
)
Index(
    "ingested_orders_exceptions",
    ingested_orders.c.shop,
    ingested_orders.c.tid,
    postgresql_where=text("state = 'EXCEPTION'"),
)

# Whose line a number is, for ever.
ingested_lines = Table(
    "ingested_lines",
    metadata,
    Column("shop", Text, primary_key=True),
    Column("oid", Text, primary_key=True),
    Column("tid", Text, nullable=False),
)

channel_skus = Table(
    "channel_skus",
    metadata,
    Column("shop", Text, ForeignKey("shops.code", name="channel_skus_shop"), primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("product_id", Uuid, ForeignKey("products.id", name="channel_skus_product"), nullable=False),
)
