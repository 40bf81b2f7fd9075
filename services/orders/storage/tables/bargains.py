"""Bargains, the haggles of members, and the cuts of their helpers."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from services.orders.storage.tables.base import metadata

bargains = Table(
    "bargains",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, ForeignKey("products.id", name="bargains_product"), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("floor", BigInteger, CheckConstraint("floor > 0 and floor < price", name="bargains_floor"), nullable=False),
    Column("helpers", Integer, nullable=False),
    Column("start_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True), nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("cancel_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("start_time < end_time", name="bargains_window"),
)
Index("bargains_latest", bargains.c.start_time, bargains.c.id)
Index("bargains_product_latest", bargains.c.product_id, bargains.c.start_time, bargains.c.id)

haggles = Table(
    "haggles",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("bargain_id", Uuid, ForeignKey("bargains.id", name="haggles_bargain"), nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    # All cuts, drawn when it began.
    Column("cuts", JSONB, nullable=False),
    Column("done", Integer, nullable=False),
    Column("order_id", Uuid),
    Column("open_time", DateTime(timezone=True), nullable=False),
    Column("deadline", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("done between 0 and jsonb_array_length(cuts)", name="haggles_done"),
    CheckConstraint("(state = 'CUTTING') = (order_id is null)", name="haggles_order"),
    CheckConstraint("state in ('CUTTING', 'ORDERED', 'BOUGHT')", name="haggles_state"),
)
Index("haggles_member", haggles.c.bargain_id, haggles.c.member_id, unique=True)

# One cut per helper.
haggle_cuts = Table(
    "haggle_cuts",
    metadata,
    Column("haggle_id", Uuid, ForeignKey("haggles.id", name="haggle_cuts_haggle"), primary_key=True),
    Column("helper_id", Uuid, primary_key=True),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="haggle_cuts_amount"), nullable=False),
    Column("cut_time", DateTime(timezone=True), nullable=False),
)
