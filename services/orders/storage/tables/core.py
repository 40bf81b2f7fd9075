"""Products, stock, orders with their lines and payments, refunds, checkouts."""

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
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.orders.storage.tables.base import metadata

products = Table(
    "products",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("price", BigInteger, CheckConstraint("price >= 0", name="products_price"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("category", Text, nullable=False, server_default=""),
)
Index("products_sku", products.c.sku, unique=True)
Index("products_latest", products.c.create_time, products.c.id)

stocks = Table(
    "stocks",
    metadata,
    Column("product_id", Uuid, ForeignKey("products.id", name="stocks_product"), primary_key=True),
    Column("location", Text, primary_key=True),
    Column("on_hand", BigInteger, CheckConstraint("on_hand >= 0", name="stocks_on_hand"), nullable=False),
    Column("reserved", BigInteger, CheckConstraint("reserved >= 0", name="stocks_reserved"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("reserved <= on_hand", name="stocks_never_oversold"),
)

# Append-only: a trigger refuses changes. The sums of a place's movements are its stock.
stock_movements = Table(
    "stock_movements",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("product_id", Uuid, nullable=False),
    Column("location", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("on_hand", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("order_id", Uuid),
    Column("note", Text, nullable=False),
    Column("move_time", DateTime(timezone=True), nullable=False),
)
Index("stock_movements_place", stock_movements.c.product_id, stock_movements.c.location, stock_movements.c.id)

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("counter", BigInteger, Identity(always=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("member_id", Uuid),
    Column("account_id", Uuid),
    Column("opportunity_id", Uuid),
    Column("channel", Text, nullable=False),
    Column("external_id", Text),
    Column("currency", Text, nullable=False),
    Column("total", BigInteger, CheckConstraint("total >= 0", name="orders_total"), nullable=False),
    Column("coupons", JSONB, nullable=False),
    Column("hold", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("points_value", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("refunded_points", BigInteger, nullable=False),
    Column("backordered", Boolean, nullable=False),
    Column("imported", Boolean, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("place_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True)),
    Column("pay_time", DateTime(timezone=True)),
    Column("cancel_time", DateTime(timezone=True)),
    Column("cancel_reason", Text),
    Column("version", BigInteger, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("complete_time", DateTime(timezone=True)),
    Column("store", Text, nullable=False, server_default=""),
    CheckConstraint("points_value between 0 and total", name="orders_points_value"),
    CheckConstraint("refunded between 0 and total - points_value", name="orders_refunded"),
    CheckConstraint("refunded_points between 0 and points", name="orders_refunded_points"),
    CheckConstraint(
        "state in ('PENDING_PAYMENT', 'PAID', 'CANCELLED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'COMPLETED')",
        name="orders_state",
    ),
)
Index("orders_counter", orders.c.counter, unique=True)
Index(
    "orders_external",
    orders.c.channel,
    orders.c.external_id,
    unique=True,
    postgresql_where=text("external_id is not null"),
)
Index(
    "orders_opportunity",
    orders.c.opportunity_id,
    unique=True,
    postgresql_where=text("opportunity_id is not null"),
)
Index("orders_overdue", orders.c.expire_time, postgresql_where=text("state = 'PENDING_PAYMENT'"))
# The pages of ListOrders: the latest placed first, under each filter that may stand alone.
Index("orders_latest", orders.c.place_time, orders.c.id)
Index(
    "orders_member",
    orders.c.member_id,
    orders.c.place_time,
    orders.c.id,
    postgresql_where=text("member_id is not null"),
)
Index(
    "orders_account",
    orders.c.account_id,
    orders.c.place_time,
    orders.c.id,
    postgresql_where=text("account_id is not null"),
)
Index("orders_channel", orders.c.channel, orders.c.place_time, orders.c.id)
Index("orders_by_state", orders.c.state, orders.c.place_time, orders.c.id)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", name="order_lines_order"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("product_id", Uuid),
    Column("sku", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="order_lines_quantity"), nullable=False),
    Column("unit_price", BigInteger),
    Column("amount", BigInteger, CheckConstraint("amount >= 0", name="order_lines_amount"), nullable=False),
    # What each unit costs, as runs of equal units: [[units, amount, points_value, points], ...].
    Column("shares", JSONB, nullable=False),
    Column("refunded_quantity", BigInteger, nullable=False),
    Column("category", Text, nullable=False, server_default=""),
    CheckConstraint("refunded_quantity between 0 and quantity", name="order_lines_refunded"),
)

payments = Table(
    "payments",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", name="payments_order"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("tender", Text, nullable=False),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="payments_amount"), nullable=False),
    Column("reference", Text, nullable=False),
    Column("pay_time", DateTime(timezone=True), nullable=False),
)

refunds = Table(
    "refunds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("orders.id", name="refunds_order"), nullable=False),
    Column("request_id", Text),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, CheckConstraint("amount >= 0", name="refunds_amount"), nullable=False),
    Column("points", BigInteger, CheckConstraint("points >= 0", name="refunds_points"), nullable=False),
    Column("points_value", BigInteger, CheckConstraint("points_value >= 0", name="refunds_value"), nullable=False),
    # The units: [[position, quantity, amount], ...].
    Column("lines", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("refund_time", DateTime(timezone=True), nullable=False),
)
Index("refunds_latest", refunds.c.order_id, refunds.c.refund_time, refunds.c.id)
Index(
    "refunds_request",
    refunds.c.order_id,
    refunds.c.request_id,
    unique=True,
    postgresql_where=text("request_id is not null"),
)

checkouts = Table(
    "checkouts",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("request_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("open_time", DateTime(timezone=True), nullable=False),
)
Index("checkouts_open", checkouts.c.request_key, unique=True, postgresql_where=text("state = 'OPEN'"))
Index("checkouts_age", checkouts.c.open_time)
