"""Flash sales, their buckets, the units that members hold or bought, refusals, places in waiting rooms."""

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
)
from sqlalchemy.dialects.postgresql import JSONB

from services.orders.storage.tables.base import metadata

flash_sales = Table(
    "flash_sales",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, ForeignKey("products.id", name="flash_sales_product"), nullable=False),
    Column("location", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("price", BigInteger, CheckConstraint("price >= 0", name="flash_sales_price"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("quota", BigInteger, CheckConstraint("quota > 0", name="flash_sales_quota"), nullable=False),
    Column("start_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True), nullable=False),
    Column("member_limit", Integer, nullable=False),
    Column("tiers", JSONB, nullable=False),
    Column("channels", JSONB, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("refund_policy", Text, nullable=False),
    Column("admitted_per_second", Integer, nullable=False),
    Column("buckets", Integer, nullable=False),
    # How it ended; null before.
    Column("ending", Text),
    # When the next one who enters the waiting room may buy; null while nobody has.
    Column("next_admission", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("start_time < end_time", name="flash_sales_window"),
    CheckConstraint("ending in ('ENDED', 'CANCELLED')", name="flash_sales_ending"),
)
Index("flash_sales_latest", flash_sales.c.start_time, flash_sales.c.id)
Index("flash_sales_product_latest", flash_sales.c.product_id, flash_sales.c.start_time, flash_sales.c.id)
Index("flash_sales_due", flash_sales.c.end_time, postgresql_where=flash_sales.c.ending.is_(None))

flash_sale_buckets = Table(
    "flash_sale_buckets",
    metadata,
    Column("sale_id", Uuid, ForeignKey("flash_sales.id", name="flash_sale_buckets_sale"), primary_key=True),
    Column("number", Integer, primary_key=True),
    # Whether units that come back can be bought again. It stands here so that whoever locks the bucket knows.
    Column("open", Boolean, nullable=False),
    Column("quota", BigInteger, nullable=False),
    Column("free", BigInteger, CheckConstraint("free >= 0", name="flash_sale_buckets_free"), nullable=False),
    Column("held", BigInteger, CheckConstraint("held >= 0", name="flash_sale_buckets_held"), nullable=False),
    Column("sold", BigInteger, CheckConstraint("sold >= 0", name="flash_sale_buckets_sold"), nullable=False),
    Column(
        "returned", BigInteger, CheckConstraint("returned >= 0", name="flash_sale_buckets_returned"), nullable=False
    ),
    CheckConstraint("free + held + sold + returned = quota", name="flash_sale_buckets_conserved"),
    CheckConstraint("open or free = 0", name="flash_sale_buckets_over"),
    postgresql_with={"fillfactor": 50},
)

# The n-th unit of a member: nobody gets more than the limit, however many requests come at once.
flash_sale_units = Table(
    "flash_sale_units",
    metadata,
    Column("sale_id", Uuid, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    # Null only between the claim of a unit and its decrement, within one transaction.
    Column("bucket", Integer),
    Column("paid", Boolean, nullable=False),
    postgresql_with={"fillfactor": 80},
)
Index("flash_sale_units_order", flash_sale_units.c.order_id)

flash_sale_refusals = Table(
    "flash_sale_refusals",
    metadata,
    Column("sale_id", Uuid, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)

flash_sale_places = Table(
    "flash_sale_places",
    metadata,
    Column("sale_id", Uuid, primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("admit_time", DateTime(timezone=True), nullable=False),
)
