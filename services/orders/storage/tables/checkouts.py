"""Checkouts and their steps in other services."""

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

checkouts = Table(
    "checkouts",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("request_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("open_time", DateTime(timezone=True), nullable=False),
    Column("member_id", Uuid),
    Column("hold_until", DateTime(timezone=True)),
    Column("reason", Text, nullable=False, server_default=""),
    Column("rounds", Integer, nullable=False, server_default="0"),
    Column("drive_time", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True)),
    Column("end_time", DateTime(timezone=True)),
    Column("store", Text, nullable=False, server_default=""),
    # The order that is there already, of an attempt that only pays.
    Column("pays", Uuid),
    # The payment whose money came when that order was closed, of an attempt that is to bring it back.
    Column("intent_id", Uuid),
)
Index("checkouts_open", checkouts.c.request_key, unique=True, postgresql_where=text("state = 'OPEN'"))
Index("checkouts_pays", checkouts.c.pays, checkouts.c.open_time, postgresql_where=text("pays is not null"))
Index("checkouts_age", checkouts.c.open_time)
Index("checkouts_by_state", checkouts.c.state, checkouts.c.open_time, checkouts.c.order_id)
Index(
    "checkouts_store",
    checkouts.c.store,
    checkouts.c.open_time,
    checkouts.c.order_id,
    postgresql_where=text("store <> ''"),
)
Index(
    "checkouts_due",
    checkouts.c.drive_time,
    postgresql_where=text("state in ('OPEN', 'ABANDONED') and drive_time is not null"),
)

checkout_steps = Table(
    "checkout_steps",
    metadata,
    Column(
        "order_id",
        Uuid,
        ForeignKey("checkouts.order_id", name="checkout_steps_checkout", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("position", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("coupons", JSONB, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("amount", BigInteger),
    Column("currency", Text),
    # What the other service calls what it holds.
    Column("hold", Text, nullable=False),
    # What the same order had held there by this name, of an attempt that is to bring it back.
    Column("renews", Text, nullable=False, server_default=""),
    Column("answered", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("releases", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("ask_time", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint(
        "state in ('PLANNED', 'TRYING', 'DONE', 'REFUSED', 'SKIPPED', 'COMPENSATING', 'COMPENSATED')",
        name="checkout_steps_state",
    ),
)
