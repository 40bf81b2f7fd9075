"""What people at the order desk do with orders: acts, tags, holds, shipments, invoices."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from services.orders.storage.tables.base import metadata

# Append-only: who did what to an order, and when. The text is a note or a reason; nothing else of it is personal.
order_acts = Table(
    "order_acts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("orders.id", name="order_acts_order"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("act_time", DateTime(timezone=True), nullable=False),
)
Index("order_acts_order_time", order_acts.c.order_id, order_acts.c.act_time, order_acts.c.id)

# With the order's time, so that the orders with a tag come in pages.
order_tags = Table(
    "order_tags",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", name="order_tags_order"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Column("place_time", DateTime(timezone=True), nullable=False),
)
Index("order_tags_latest", order_tags.c.tag, order_tags.c.place_time, order_tags.c.order_id)

# One row while the order is held.
order_holds = Table(
    "order_holds",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", name="order_holds_order"), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("hold_time", DateTime(timezone=True), nullable=False),
    Column("place_time", DateTime(timezone=True), nullable=False),
)
Index("order_holds_latest", order_holds.c.place_time, order_holds.c.order_id)

shipments = Table(
    "shipments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("orders.id", name="shipments_order"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("ship_time", DateTime(timezone=True)),
    Column("end_time", DateTime(timezone=True)),
    # Of a pick-up: which code counts (0: none yet), wrong codes in a row, and when codes are read again.
    Column("code_round", Integer, nullable=False),
    Column("code_failures", Integer, nullable=False),
    Column("code_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("state in ('CREATED', 'SHIPPED', 'DELIVERED', 'RETURNED', 'CANCELLED')", name="shipments_state"),
)
Index("shipments_order_time", shipments.c.order_id, shipments.c.create_time, shipments.c.id)
Index("shipments_by_state", shipments.c.state, shipments.c.create_time, shipments.c.id)
Index("shipments_latest", shipments.c.create_time, shipments.c.id)

shipment_lines = Table(
    "shipment_lines",
    metadata,
    Column("shipment_id", Uuid, ForeignKey("shipments.id", name="shipment_lines_shipment"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="shipment_lines_quantity"), nullable=False),
    ForeignKeyConstraint(
        ["order_id", "position"], ["order_lines.order_id", "order_lines.position"], name="shipment_lines_line"
    ),
)

parcels = Table(
    "parcels",
    metadata,
    Column("shipment_id", Uuid, ForeignKey("shipments.id", name="parcels_shipment"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("carrier", Text, nullable=False),
    Column("waybill", Text, nullable=False),
)
Index("parcels_waybill", parcels.c.carrier, parcels.c.waybill, unique=True)

# What a customer wants on an invoice is sealed for it, by a key of its own; null once the member was erased.
invoices = Table(
    "invoices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("orders.id", name="invoices_order"), nullable=False),
    Column("state", Text, nullable=False),
    Column("key_id", Text),
    Column("wrapped", LargeBinary),
    Column("sealed", LargeBinary),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="invoices_amount")),
    Column("currency", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("request_time", DateTime(timezone=True), nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decide_time", DateTime(timezone=True)),
    Column("note", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("state in ('REQUESTED', 'ISSUED', 'REJECTED', 'VOID')", name="invoices_state"),
    CheckConstraint("state not in ('ISSUED', 'VOID') or amount is not null", name="invoices_issued"),
)
# An order has one invoice at a time.
Index("invoices_one", invoices.c.order_id, unique=True, postgresql_where=text("state in ('REQUESTED', 'ISSUED')"))
Index("invoices_order_time", invoices.c.order_id, invoices.c.request_time, invoices.c.id)
Index("invoices_by_state", invoices.c.state, invoices.c.request_time, invoices.c.id)
Index("invoices_latest", invoices.c.request_time, invoices.c.id)
