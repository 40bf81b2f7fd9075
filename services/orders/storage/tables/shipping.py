"""Carts, shipping zones and methods, tax tables, and where orders are sent."""

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
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.orders.storage.tables.base import metadata

# One row: whoever changes a zone, a method or a tax table counts it up, and what is kept in memory is compared with it.
tariffs = Table(
    "tariffs",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="tariffs_one"), primary_key=True),
    Column("version", BigInteger, nullable=False),
)

shipping_zones = Table(
    "shipping_zones",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("title", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("regions", JSONB, nullable=False),
    Column("postal_codes", JSONB, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
)
Index("shipping_zones_created", shipping_zones.c.create_time, shipping_zones.c.id)

shipping_methods = Table(
    "shipping_methods",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("min_days", Integer, nullable=False),
    Column("max_days", Integer, nullable=False),
    Column("channels", JSONB, nullable=False),
    Column("locations", JSONB, nullable=False),
    Column("rates", JSONB, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
)
Index("shipping_methods_created", shipping_methods.c.create_time, shipping_methods.c.id)

tax_tables = Table(
    "tax_tables",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("title", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("included", Boolean, nullable=False),
    Column("rounding", Text, nullable=False),
    Column("freight_class", Text, nullable=False),
    Column("home", Boolean, nullable=False),
    Column("rates", JSONB, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
)
Index("tax_tables_created", tax_tables.c.create_time, tax_tables.c.id)
Index("tax_tables_area", tax_tables.c.country, tax_tables.c.region, unique=True)
Index("tax_tables_home", tax_tables.c.home, unique=True, postgresql_where=text("home"))

# An address is sealed with a key of its own, which is wrapped by a master key: without the row it can't be had back.
delivery_addresses = Table(
    "delivery_addresses",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id", name="delivery_addresses_order"), primary_key=True),
    Column("owner", Uuid, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    # A keyed hash of the phone number, by which its orders are found; empty if none was given.
    Column("phone", Text, nullable=False, server_default=""),
)
Index(
    "delivery_addresses_phone",
    delivery_addresses.c.phone,
    postgresql_where=text("phone <> ''"),
)

carts = Table(
    "carts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", Uuid),
    Column("channel", Text, nullable=False),
    # [[product, quantity, saved, seen price, its currency, add time], ...]
    Column("lines", JSONB, nullable=False),
    Column("units", BigInteger, nullable=False),
    Column("coupons", JSONB, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("touch_time", DateTime(timezone=True), nullable=False),
    Column("abandon_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("merged_into", Uuid),
    Column("order_id", Uuid),
    Column("ordered_version", BigInteger, nullable=False),
    Column("ordered_terms", LargeBinary, nullable=False),
    # A cart of a store has its member here: `member_id` is of members' own carts, of which each has one in a channel.
    Column("store", Text, nullable=False, server_default=""),
    Column("customer_id", Uuid),
    CheckConstraint("units >= 0", name="carts_units"),
)
Index("carts_member", carts.c.member_id, carts.c.channel, unique=True, postgresql_where=text("member_id is not null"))
Index(
    "carts_customer",
    carts.c.customer_id,
    carts.c.channel,
    carts.c.store,
    unique=True,
    postgresql_where=text("customer_id is not null"),
)
Index("carts_left", carts.c.touch_time, postgresql_where=text("abandon_time is null and units > 0"))
Index("carts_guests", carts.c.touch_time, postgresql_where=text("member_id is null"))
