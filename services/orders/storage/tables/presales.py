"""Presales, and which part of their orders is paid."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.orders.storage.tables.base import metadata

presales = Table(
    "presales",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, ForeignKey("products.id", name="presales_product"), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("deposit", BigInteger, nullable=False),
    # What the deposit counts for, and the ratio that says so, in basis points; 0 where an amount does.
    Column("credit", BigInteger, nullable=False),
    Column("expansion", Integer, nullable=False),
    Column("quota", BigInteger, nullable=False),
    # Units that orders have of the quota.
    Column("taken", BigInteger, nullable=False),
    Column("member_limit", BigInteger, nullable=False),
    Column("deposit_start", DateTime(timezone=True), nullable=False),
    Column("deposit_end", DateTime(timezone=True), nullable=False),
    Column("balance_start", DateTime(timezone=True), nullable=False),
    Column("balance_end", DateTime(timezone=True), nullable=False),
    Column("forfeit", Boolean, nullable=False),
    Column("ship_time", DateTime(timezone=True)),
    Column("hold_ms", BigInteger, nullable=False),
    Column("remind_ms", BigInteger, nullable=False),
    Column("channels", JSONB, nullable=False),
    Column("cancel_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("taken between 0 and quota", name="presales_quota"),
    CheckConstraint("deposit > 0 and deposit <= credit and credit < price", name="presales_money"),
    CheckConstraint(
        "deposit_start < deposit_end and deposit_end <= balance_start and balance_start < balance_end",
        name="presales_windows",
    ),
)
Index("presales_latest", presales.c.deposit_start, presales.c.id)
Index("presales_product_latest", presales.c.product_id, presales.c.deposit_start, presales.c.id)
Index("presales_cancelled", presales.c.id, postgresql_where=text("cancel_time is not null"))

# Changed under the lock of its order, but for its reminders.
presale_orders = Table(
    "presale_orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("presale_id", Uuid, ForeignKey("presales.id", name="presale_orders_presale"), nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="presale_orders_quantity"), nullable=False),
    Column("state", Text, nullable=False),
    Column("deposit", BigInteger, nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("balance_start", DateTime(timezone=True), nullable=False),
    Column("balance_end", DateTime(timezone=True), nullable=False),
    Column("remind_time", DateTime(timezone=True)),
    Column("next_reminder", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "state in ('RESERVED', 'DEPOSITED', 'PAID', 'RELEASED', 'FORFEITED', 'RETURNED')", name="presale_orders_state"
    ),
    CheckConstraint("next_reminder is null or state = 'DEPOSITED'", name="presale_orders_reminder"),
)
Index("presale_orders_page", presale_orders.c.presale_id, presale_orders.c.order_id)
Index("presale_orders_member", presale_orders.c.presale_id, presale_orders.c.member_id)
Index("presale_orders_due", presale_orders.c.next_reminder, postgresql_where=text("next_reminder is not null"))
Index(
    "presale_orders_unpaid",
    presale_orders.c.presale_id,
    presale_orders.c.order_id,
    postgresql_where=text("state in ('RESERVED', 'DEPOSITED')"),
)
