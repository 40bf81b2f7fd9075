"""Group buys, their groups, the seats that members have in them, and those that the merchant filled."""

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

group_buys = Table(
    "group_buys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, ForeignKey("products.id", name="group_buys_product"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("price", BigInteger, CheckConstraint("price > 0", name="group_buys_price"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("size", Integer, CheckConstraint("size > 1", name="group_buys_size"), nullable=False),
    Column("steps", JSONB, nullable=False),
    Column("start_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True), nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("hold_ms", BigInteger, nullable=False),
    Column("member_limit", Integer, nullable=False),
    Column("channels", JSONB, nullable=False),
    Column("cancel_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    CheckConstraint("start_time < end_time", name="group_buys_window"),
    CheckConstraint("kind in ('PLAIN', 'LADDER', 'NEW_CUSTOMER')", name="group_buys_kind"),
)
Index("group_buys_latest", group_buys.c.start_time, group_buys.c.id)
Index("group_buys_product_latest", group_buys.c.product_id, group_buys.c.start_time, group_buys.c.id)

buying_groups = Table(
    "buying_groups",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("group_buy_id", Uuid, ForeignKey("group_buys.id", name="buying_groups_group_buy"), nullable=False),
    Column("leader_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("steps", JSONB, nullable=False),
    Column("held", Integer, CheckConstraint("held >= 0", name="buying_groups_held"), nullable=False),
    Column("paid", Integer, CheckConstraint("paid >= 0", name="buying_groups_paid"), nullable=False),
    Column("sponsored", Integer, CheckConstraint("sponsored >= 0", name="buying_groups_sponsored"), nullable=False),
    Column("final_price", BigInteger),
    Column("open_time", DateTime(timezone=True), nullable=False),
    Column("deadline", DateTime(timezone=True), nullable=False),
    Column("recruit_time", DateTime(timezone=True)),
    Column("end_time", DateTime(timezone=True)),
    # Whether its end still leads to something: money to give back, orders to give up.
    Column("unsettled", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("store", Text, nullable=False, server_default=""),
    CheckConstraint("held + paid + sponsored <= size", name="buying_groups_seats"),
    CheckConstraint("(state = 'SUCCEEDED') = (final_price is not null)", name="buying_groups_final"),
    CheckConstraint("state <> 'CLOSED' or held + paid = 0", name="buying_groups_closed"),
    CheckConstraint(
        "state in ('OPENING', 'RECRUITING', 'SUCCEEDED', 'EXPIRED', 'REFUNDING', 'CLOSED')", name="buying_groups_state"
    ),
    postgresql_with={"fillfactor": 70},
)
Index(
    "buying_groups_due",
    buying_groups.c.deadline,
    postgresql_where=text("state in ('OPENING', 'RECRUITING')"),
)
Index(
    "buying_groups_recruiting",
    buying_groups.c.group_buy_id,
    buying_groups.c.deadline,
    buying_groups.c.id,
    postgresql_where=text("state = 'RECRUITING'"),
)
Index(
    "buying_groups_store",
    buying_groups.c.store,
    buying_groups.c.group_buy_id,
    buying_groups.c.deadline,
    buying_groups.c.id,
    postgresql_where=text("state = 'RECRUITING' and store <> ''"),
)
Index("buying_groups_unsettled", buying_groups.c.end_time, postgresql_where=text("unsettled"))

# A seat goes with its order: that of an order that was cancelled is deleted.
group_seats = Table(
    "group_seats",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("group_id", Uuid, nullable=False),
    Column("group_buy_id", Uuid, nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("n", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("settled", Boolean, nullable=False),
    # Whether only a new customer may have it, as long as it stands.
    Column("newcomer", Boolean, nullable=False, server_default="false"),
    CheckConstraint("state in ('HELD', 'PAID', 'LATE', 'REFUNDED')", name="group_seats_state"),
)
# Nobody is a new customer twice, whatever comes at once.
Index("group_seats_newcomer", group_seats.c.member_id, unique=True, postgresql_where=text("newcomer"))
# One seat per member and group; and nobody has more seats in a group buy than the limit, whatever comes at once.
Index(
    "group_seats_member",
    group_seats.c.group_id,
    group_seats.c.member_id,
    unique=True,
    postgresql_where=text("state <> 'REFUNDED'"),
)
Index(
    "group_seats_limit",
    group_seats.c.group_buy_id,
    group_seats.c.member_id,
    group_seats.c.n,
    unique=True,
    postgresql_where=text("state <> 'REFUNDED'"),
)

group_sponsorships = Table(
    "group_sponsorships",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("group_id", Uuid, ForeignKey("buying_groups.id", name="group_sponsorships_group"), nullable=False),
    Column("seats", Integer, CheckConstraint("seats > 0", name="group_sponsorships_seats"), nullable=False),
    Column("note", Text, nullable=False),
    Column("posted_by", Text, nullable=False),
    Column("post_time", DateTime(timezone=True), nullable=False),
)
Index("group_sponsorships_group", group_sponsorships.c.group_id)
