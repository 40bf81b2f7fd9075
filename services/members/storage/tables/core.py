"""Members and their identifiers, holds, purchases, tiers and the programme."""

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
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.members.storage.tables.base import metadata

members = Table(
    "members",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("home_store", Text, nullable=False),
    Column("enroll_time", DateTime(timezone=True), nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
    # What is personal, sealed with the member's key; the column `display_name` is empty since then.
    Column("sealed", LargeBinary),
    Column("birth_digest", Text),
    # The ids of the look-up keys by whose hashes the member is found.
    Column("lookup_keys", ARRAY(Text), nullable=False, server_default="{1}"),
    Column("org", Text, nullable=False, server_default=""),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("erase_time", DateTime(timezone=True)),
    # Who stands for this member since a merge, and whether others are merged into this one.
    Column("merged_into", Uuid),
    Column("absorbs", Boolean, nullable=False, server_default="false"),
)
Index("members_merged", members.c.merged_into, postgresql_where=text("merged_into is not null"))
Index("members_tags", members.c.tags, postgresql_using="gin", postgresql_where=text("tags <> '{}'"))
Index("members_org", members.c.org, postgresql_ops={"org": "text_pattern_ops"}, postgresql_where=text("org <> ''"))
Index("members_birth", members.c.birth_digest, postgresql_where=text("birth_digest is not null"))
Index("members_plain", members.c.id, postgresql_where=text("sealed is null and erase_time is null"))

# Everything that leads to one member, in one place: the key decides races between two who enrol with the same phone.
# The value is a keyed hash.
identifiers = Table(
    "identifiers",
    metadata,
    Column("kind", Text),
    Column("channel", Text),
    Column("value", Text),
    Column("member", Uuid, ForeignKey("members.id"), nullable=False, index=True),
    PrimaryKeyConstraint("kind", "channel", "value", name="identifiers_pkey"),
)

# The tables below name members without a foreign key: whoever writes them has locked the member's accounts, and
# members are never deleted.
holds = Table(
    "holds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Uuid, nullable=False, index=True),
    Column("points", BigInteger, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True), nullable=False),
    Column("state", Text, nullable=False),
    Column("confirmed", BigInteger, nullable=False),
    Column("end_time", DateTime(timezone=True)),
    # The lots that the points were drawn from, in that order, and how many from each.
    Column("lots", ARRAY(Uuid), nullable=False, server_default="{}"),
    Column("drawn", ARRAY(BigInteger), nullable=False, server_default="{}"),
    Column("returned", BigInteger, nullable=False, server_default="0"),
    Column("programme", Text, nullable=False, server_default="default"),
    CheckConstraint("confirmed between 0 and points", name="holds_confirmed"),
    CheckConstraint("(state = 'ACTIVE') = (end_time is null)", name="holds_end"),
)
Index("holds_due", holds.c.expire_time, postgresql_where=text("state = 'ACTIVE'"))

# The key begins with the member, so that the orders of a member lie side by side.
purchases = Table(
    "purchases",
    metadata,
    Column("member", Uuid),
    Column("order", Uuid),
    Column("net", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("pay_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("rules", Integer, nullable=False),
    Column("earned", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
    Column("complete_time", DateTime(timezone=True)),
    # What rules may know: the order as it was paid, its member at that time, and what refunds have left.
    Column("paid", BigInteger),
    Column("freight", BigInteger, nullable=False, server_default="0"),
    Column("channel", Text, nullable=False, server_default=""),
    Column("store", Text, nullable=False, server_default=""),
    Column("org", Text, nullable=False, server_default=""),
    Column("lines", JSONB),
    Column("lines_left", JSONB),
    Column("freight_left", BigInteger),
    Column("person", JSONB),
    # Of a receipt: the claim that told of it, and the most points that it may give.
    Column("receipt", Text),
    Column("most", BigInteger),
    PrimaryKeyConstraint("member", "order", name="purchases_pkey"),
)
# Dry runs, recalculations and what is judged anew go through the orders of a time.
Index("purchases_time", purchases.c.pay_time, purchases.c.member, purchases.c.order)

standings = Table(
    "standings",
    metadata,
    Column("member", Uuid, primary_key=True),
    Column("tier", Text, nullable=False),
    Column("next_change", DateTime(timezone=True)),
    Column("rules", Integer, nullable=False, index=True),
    Column("version", BigInteger, nullable=False),
)
Index("standings_due", standings.c.next_change, postgresql_where=text("next_change is not null"))

tier_changes = Table(
    "tier_changes",
    metadata,
    Column("member", Uuid),
    Column("time", DateTime(timezone=True)),
    Column("from_tier", Text, nullable=False),
    Column("to_tier", Text, nullable=False),
    Column("upgrade", Boolean, nullable=False),
    Column("manual", Boolean, nullable=False, server_default="false"),
    PrimaryKeyConstraint("member", "time", name="tier_changes_pkey"),
)

programmes = Table(
    "programmes",
    metadata,
    Column("programme", Text, server_default="default"),
    Column("version", Integer, autoincrement=False),
    Column("rules", JSONB, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("programme", "version", name="programmes_pkey"),
)

# Up to which instant and member the members of a programme were told that points will expire.
expiry_notices = Table(
    "expiry_notices",
    metadata,
    Column("programme", Text, primary_key=True),
    Column("expire_time", DateTime(timezone=True), nullable=False),
    Column("member", Uuid, nullable=False),
)
