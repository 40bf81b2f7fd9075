"""Products, stock, orders with their lines and payments, refunds, checkouts."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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
    Column("description", Text, nullable=False, server_default=""),
    # What of a product is read and written as a whole; its form is that of storage/products.py.
    Column("images", JSONB, nullable=False, server_default="[]"),
    Column("attributes", JSONB, nullable=False, server_default="{}"),
    Column("weight_grams", BigInteger, nullable=False, server_default="0"),
    Column("tax_class", Text, nullable=False, server_default=""),
    Column("purchase_limit", BigInteger, nullable=False, server_default="0"),
    Column("group_id", Uuid, ForeignKey("product_groups.id", name="products_group")),
    Column("options", JSONB, nullable=False, server_default="{}"),
    # What a bundle is made of: [[product, quantity], ...]; empty for an ordinary product.
    Column("components", JSONB, nullable=False, server_default="[]"),
    Column("summed", Boolean, nullable=False, server_default="false"),
    # Channel -> [from, to] or null (withheld); `*` is every channel that is not named.
    Column("publications", JSONB, nullable=False, server_default='{"*": [null, null]}'),
    # What a search finds it by (domain/search.py).
    Column("terms", ARRAY(Text), nullable=False, server_default="{}"),
    CheckConstraint("weight_grams >= 0", name="products_weight"),
    CheckConstraint("purchase_limit >= 0", name="products_purchase_limit"),
)
Index("products_sku", products.c.sku, unique=True)
Index("products_latest", products.c.create_time, products.c.id)
Index("products_category", products.c.category, products.c.create_time, products.c.id)
Index("products_price_range", products.c.currency, products.c.price, products.c.id)
Index("products_terms", products.c.terms, postgresql_using="gin")
Index(
    "products_variant",
    products.c.group_id,
    products.c.options,
    unique=True,
    postgresql_where=text("group_id is not null"),
)
# Which bundles a product is a component of.
Index(
    "products_bundles",
    products.c.components,
    postgresql_using="gin",
    postgresql_where=text("components <> '[]'"),
)

stocks = Table(
    "stocks",
    metadata,
    Column("product_id", Uuid, ForeignKey("products.id", name="stocks_product"), primary_key=True),
    Column("location", Text, primary_key=True),
    Column("on_hand", BigInteger, CheckConstraint("on_hand >= 0", name="stocks_on_hand"), nullable=False),
    Column("reserved", BigInteger, CheckConstraint("reserved >= 0", name="stocks_reserved"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    # Units promised to orders before they arrive, and how many of them the policy allows.
    Column("backordered", BigInteger, nullable=False, server_default="0"),
    Column("buffer", BigInteger, nullable=False, server_default="0"),
    Column("threshold", BigInteger),
    Column("policy", Text, nullable=False, server_default="DENY"),
    Column("policy_limit", BigInteger, nullable=False, server_default="0"),
    Column("arrive_time", DateTime(timezone=True)),
    CheckConstraint("reserved <= on_hand", name="stocks_never_oversold"),
    CheckConstraint("backordered >= 0", name="stocks_backordered"),
    CheckConstraint("buffer >= 0", name="stocks_buffer"),
    CheckConstraint("policy in ('DENY', 'BACKORDER', 'PREORDER')", name="stocks_policy_kind"),
)
# What is not there yet is awaited at one location, so that the limit is one for the product.
Index("stocks_policy", stocks.c.product_id, unique=True, postgresql_where=text("policy <> 'DENY'"))
Index("stocks_awaited", stocks.c.product_id, stocks.c.location, postgresql_where=text("backordered > 0"))
Index("stocks_location", stocks.c.location, stocks.c.product_id)

# Append-only: a trigger refuses changes. The sums of a place's movements are its stock. Divided by id, see
# kit/db/partitions.py.
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
    Column("backordered", BigInteger, nullable=False, server_default="0"),
    # What moved it, if it was no order: a resource name.
    Column("source", Text, nullable=False, server_default=""),
    postgresql_partition_by="range (id)",
)
Index("stock_movements_place", stock_movements.c.product_id, stock_movements.c.location, stock_movements.c.id)
Index("stock_movements_order", stock_movements.c.order_id, postgresql_where=text("order_id is not null"))

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
    Column("freight", BigInteger, nullable=False, server_default="0"),
    Column("freight_tax", BigInteger, nullable=False, server_default="0"),
    Column("refunded_freight", BigInteger, nullable=False, server_default="0"),
    Column("refunded_freight_value", BigInteger, nullable=False, server_default="0"),
    Column("refunded_freight_points", BigInteger, nullable=False, server_default="0"),
    # What it belongs to, for example flashSales/<id>; mostly empty.
    Column("activity", Text, nullable=False, server_default=""),
    # The tenders that give back first, joined by commas; empty: all in proportion.
    Column("refund_policy", Text, nullable=False, server_default=""),
    Column("delivery", JSONB),
    Column("taxation", JSONB),
    # Where its goods lie, and whether some of them were promised before they arrived.
    Column("location", Text, nullable=False, server_default=""),
    Column("awaiting", Boolean, nullable=False, server_default="false"),
    # Which part is to be paid when, if not all at once; its form is that of storage/snapshots.py.
    Column("instalments", JSONB),
    # The part of the organisation: that of its store, or of the opportunity that it was.
    Column("org", Text, nullable=False, server_default=""),
    CheckConstraint("freight between 0 and total and freight_tax between 0 and freight", name="orders_freight"),
    CheckConstraint(
        "refunded_freight between 0 and freight and refunded_freight_value between 0 and refunded_freight",
        name="orders_refunded_freight",
    ),
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
Index("orders_activity", orders.c.activity, orders.c.id, postgresql_where=text("activity <> ''"))
Index("orders_by_state", orders.c.state, orders.c.place_time, orders.c.id)
Index("orders_store", orders.c.store, orders.c.place_time, orders.c.id, postgresql_where=text("store <> ''"))
Index(
    "orders_org",
    orders.c.org,
    orders.c.place_time,
    orders.c.id,
    postgresql_ops={"org": "text_pattern_ops"},
    postgresql_where=text("org <> ''"),
)
Index("orders_total_range", orders.c.currency, orders.c.total)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", name="order_lines_order"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("product_id", Uuid),
    Column("sku", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("quantity", BigInteger, CheckConstraint("quantity > 0", name="order_lines_quantity"), nullable=False),
    # What one unit of a bundle is made of: [[product, quantity], ...]; empty for an ordinary product.
    Column("components", JSONB, nullable=False, server_default="[]"),
    Column("unit_price", BigInteger),
    Column("amount", BigInteger, CheckConstraint("amount >= 0", name="order_lines_amount"), nullable=False),
    # What each unit costs, as runs of equal units: [[units, amount, points_value, points], ...].
    Column("shares", JSONB, nullable=False),
    Column("refunded_quantity", BigInteger, nullable=False),
    Column("category", Text, nullable=False, server_default=""),
    # The tax within the amount, and what of it came on top of the prices.
    Column("tax", BigInteger, nullable=False, server_default="0"),
    Column("added_tax", BigInteger, nullable=False, server_default="0"),
    # What was refunded by amount, ahead of the units that are left.
    Column("ahead", BigInteger, nullable=False, server_default="0"),
    Column("ahead_value", BigInteger, nullable=False, server_default="0"),
    Column("ahead_points", BigInteger, nullable=False, server_default="0"),
    # Units in shipments that did not come back.
    Column("shipped_quantity", BigInteger, nullable=False, server_default="0"),
    # When the order was placed: what orders with a SKU are listed by.
    Column("place_time", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("refunded_quantity between 0 and quantity", name="order_lines_refunded"),
    CheckConstraint("shipped_quantity between 0 and quantity", name="order_lines_shipped"),
    CheckConstraint("added_tax between 0 and tax and tax <= amount", name="order_lines_tax"),
    CheckConstraint("ahead between 0 and amount and ahead_value between 0 and ahead", name="order_lines_ahead"),
)
Index("order_lines_sku", order_lines.c.sku, order_lines.c.place_time, order_lines.c.order_id)

payments = Table(
    "payments",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", name="payments_order"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("tender", Text, nullable=False),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="payments_amount"), nullable=False),
    Column("reference", Text, nullable=False),
    Column("pay_time", DateTime(timezone=True), nullable=False),
    # What of it was given back; null: not told yet, as it was before there could be several.
    Column("refunded", BigInteger, CheckConstraint("refunded between 0 and amount", name="payments_refunded")),
)
# A transaction of a provider, or a payment out of an account, pays one order, once.
Index(
    "payments_reference",
    payments.c.tender,
    payments.c.reference,
    unique=True,
    postgresql_where=text("tender in ('WECHAT_PAY', 'ALIPAY', 'STORED_VALUE', 'GIFT_CARD')"),
)
Index("payments_exchange", payments.c.reference, postgresql_where=text("tender = 'EXCHANGE'"))

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
    # The units: [[position, quantity, amount], ...]; a quantity of 0 tells that the amount was asked for.
    Column("lines", JSONB, nullable=False),
    Column("reason", Text, nullable=False),
    Column("refund_time", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False, server_default="REFUND"),
    Column("state", Text, nullable=False, server_default="SUCCEEDED"),
    Column("freight", BigInteger, nullable=False, server_default="0"),
    Column("tax", BigInteger, nullable=False, server_default="0"),
    Column("requested_by", Text, nullable=False, server_default=""),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("decide_time", DateTime(timezone=True)),
    Column("note", Text, nullable=False, server_default=""),
    # When it gave something back; null while it waits, and of before it could wait.
    Column("effect_time", DateTime(timezone=True)),
    Column("replacement", Uuid),
    Column("version", BigInteger, nullable=False, server_default="1"),
    # Whether those of its units that never left are for sale again.
    Column("restock", Boolean, nullable=False, server_default="false"),
    # What an exchange passed on to its replacement; negative: what came back of that.
    Column("credit", BigInteger, nullable=False, server_default="0"),
    CheckConstraint(
        "state in ('REQUESTED', 'AWAITING_GOODS', 'PENDING', 'SUCCEEDED', 'REJECTED', 'WITHDRAWN')",
        name="refunds_state",
    ),
)
# What people work on: ListRefunds of all orders in one state.
Index("refunds_by_state", refunds.c.state, refunds.c.refund_time, refunds.c.id)
Index("refunds_all", refunds.c.refund_time, refunds.c.id)
Index("refunds_latest", refunds.c.order_id, refunds.c.refund_time, refunds.c.id)
Index(
    "refunds_request",
    refunds.c.order_id,
    refunds.c.request_id,
    unique=True,
    postgresql_where=text("request_id is not null"),
)

# How the money of a refund goes back to each payment. Those through a provider are PENDING until it has done it.
refund_payments = Table(
    "refund_payments",
    metadata,
    Column("refund_id", Uuid, ForeignKey("refunds.id", name="refund_payments_refund"), primary_key=True),
    Column("payment", Integer, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("tender", Text, nullable=False),
    Column("amount", BigInteger, CheckConstraint("amount > 0", name="refund_payments_amount"), nullable=False),
    Column("state", Text, nullable=False),
    Column("reference", Text, nullable=False, server_default=""),
    Column("update_time", DateTime(timezone=True), nullable=False),
    ForeignKeyConstraint(
        ["order_id", "payment"], ["payments.order_id", "payments.position"], name="refund_payments_payment"
    ),
    CheckConstraint("state in ('PENDING', 'SUCCEEDED', 'FAILED')", name="refund_payments_state"),
)
Index(
    "refund_payments_open",
    refund_payments.c.update_time,
    postgresql_where=text("state <> 'SUCCEEDED'"),
)
Index("refund_payments_order", refund_payments.c.order_id)
