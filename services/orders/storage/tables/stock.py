"""Locations, reservations, units promised before they arrive, transfers and counts. Stock itself is in `core`."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from services.orders.storage.tables.base import metadata

locations = Table(
    "locations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("kind", Text, CheckConstraint("kind in ('WAREHOUSE', 'STORE')", name="locations_kind"), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("ships", Boolean, nullable=False),
    Column("pickup", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    # The part of the organisation.
    Column("org", Text, nullable=False, server_default=""),
)
Index("locations_org", locations.c.org, postgresql_ops={"org": "text_pattern_ops"}, postgresql_where=text("org <> ''"))

reservations = Table(
    "reservations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("location", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
    # The order that took the units over.
    Column("order_id", Uuid),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("state in ('HELD', 'CONFIRMED', 'RELEASED', 'EXPIRED')", name="reservations_state"),
    CheckConstraint("(state = 'HELD') = (end_time is null)", name="reservations_end"),
)
Index("reservations_due", reservations.c.expire_time, postgresql_where=text("state = 'HELD'"))

reservation_items = Table(
    "reservation_items",
    metadata,
    Column("reservation_id", Uuid, ForeignKey("reservations.id", name="reservation_items_of"), primary_key=True),
    Column("product_id", Uuid, primary_key=True),
    Column("units", BigInteger, CheckConstraint("units > 0", name="reservation_items_units"), nullable=False),
)

# Units of orders that are still to arrive, the oldest promise first. They change under the lock of their stock alone.
backorders = Table(
    "backorders",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("product_id", Uuid, nullable=False),
    Column("location", Text, nullable=False),
    Column("units", BigInteger, CheckConstraint("units > 0", name="backorders_units"), nullable=False),
    Column("paid", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
)
Index("backorders_order", backorders.c.order_id)
Index("backorders_place", backorders.c.product_id, backorders.c.location, backorders.c.id)

stock_transfers = Table(
    "stock_transfers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("origin <> destination", name="stock_transfers_ends"),
    CheckConstraint("state in ('IN_TRANSIT', 'RECEIVED', 'CANCELLED')", name="stock_transfers_state"),
)
Index("stock_transfers_latest", stock_transfers.c.create_time, stock_transfers.c.id)

stock_transfer_items = Table(
    "stock_transfer_items",
    metadata,
    Column("transfer_id", Uuid, ForeignKey("stock_transfers.id", name="stock_transfer_items_of"), primary_key=True),
    Column("product_id", Uuid, primary_key=True),
    Column("shipped", BigInteger, CheckConstraint("shipped > 0", name="stock_transfer_items_shipped"), nullable=False),
    Column("received", BigInteger, nullable=False),
    CheckConstraint("received between 0 and shipped", name="stock_transfer_items_received"),
)

stock_counts = Table(
    "stock_counts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("location", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("state in ('OPEN', 'POSTED', 'CANCELLED')", name="stock_counts_state"),
)
Index("stock_counts_latest", stock_counts.c.create_time, stock_counts.c.id)

stock_count_lines = Table(
    "stock_count_lines",
    metadata,
    Column("count_id", Uuid, ForeignKey("stock_counts.id", name="stock_count_lines_of"), primary_key=True),
    Column("product_id", Uuid, primary_key=True),
    Column("counted", BigInteger, CheckConstraint("counted >= 0", name="stock_count_lines_counted"), nullable=False),
    Column("expected", BigInteger, nullable=False),
    Column("count_time", DateTime(timezone=True), nullable=False),
    # Where, as long as the count is open; null once it has ended.
    Column("open_at", Text),
)
# Of what is counted twice, both differences would be booked.
Index(
    "stock_count_lines_open",
    stock_count_lines.c.product_id,
    stock_count_lines.c.open_at,
    unique=True,
    postgresql_where=text("open_at is not null"),
)
