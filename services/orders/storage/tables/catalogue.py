"""Groups of variants, categories, channels, stores, price lists, and what is known of buyers."""

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

product_groups = Table(
    "product_groups",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    # What its variants differ by: [[option, [value, ...]], ...].
    Column("options", JSONB, nullable=False),
    Column("images", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)
Index("product_groups_latest", product_groups.c.create_time, product_groups.c.id)

categories = Table(
    "categories",
    metadata,
    Column("code", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("parent", Text, ForeignKey("categories.code", name="categories_parent")),
    Column("position", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("parent <> code", name="categories_not_within_itself"),
)
Index("categories_children", categories.c.parent)

channels = Table(
    "channels",
    metadata,
    Column("code", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

stores = Table(
    "stores",
    metadata,
    Column("code", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    # The part of the organisation, and since when its orders have to follow there; null once they have.
    Column("org", Text, nullable=False, server_default=""),
    Column("move_time", DateTime(timezone=True)),
)
Index("stores_org", stores.c.org, postgresql_ops={"org": "text_pattern_ops"}, postgresql_where=text("org <> ''"))
Index("stores_moved", stores.c.code, postgresql_where=text("move_time is not null"))

# Each condition that is not empty must hold for the buyer.
price_lists = Table(
    "price_lists",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("title", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("segment_id", Uuid),
    Column("account_id", Uuid),
    Column("start_time", DateTime(timezone=True)),
    Column("end_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)
Index("price_lists_latest", price_lists.c.create_time, price_lists.c.id)
Index("price_lists_state", price_lists.c.state)

# What one unit costs when at least so many are bought.
price_entries = Table(
    "price_entries",
    metadata,
    Column("list_id", Uuid, ForeignKey("price_lists.id", name="price_entries_list"), primary_key=True),
    Column("product_id", Uuid, ForeignKey("products.id", name="price_entries_product"), primary_key=True),
    Column(
        "min_quantity", BigInteger, CheckConstraint("min_quantity > 0", name="price_entries_quantity"), primary_key=True
    ),
    Column("price", BigInteger, CheckConstraint("price >= 0", name="price_entries_price"), nullable=False),
)
Index("price_entries_product", price_entries.c.product_id, price_entries.c.list_id)

# What members and campaigns told last, by the version of the event's subject.
buyer_tiers = Table(
    "buyer_tiers",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("tier", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)

buyer_segments = Table(
    "buyer_segments",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("segment_id", Uuid, primary_key=True),
    Column("inside", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)
