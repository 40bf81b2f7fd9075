"""Rewards, redemptions, and what members gave to each other."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from services.members.storage.tables.base import metadata

rewards = Table(
    "rewards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("cash", BigInteger),
    Column("currency", Text),
    Column("stock", BigInteger, nullable=False),
    Column("per_member", Integer),
    Column("per_day", Integer),
    Column("tier", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("start_time", DateTime(timezone=True)),
    Column("end_time", DateTime(timezone=True)),
    Column("held", BigInteger, nullable=False),
    Column("redeemed", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("programme", Text, nullable=False, server_default="default"),
    CheckConstraint("points > 0 and cash > 0", name="rewards_price"),
    CheckConstraint("(cash is null) = (currency is null)", name="rewards_currency"),
    CheckConstraint("held >= 0 and redeemed >= 0 and held + redeemed <= stock", name="rewards_stock"),
    CheckConstraint("state in ('DRAFT', 'ON_SALE', 'OFF_SALE')", name="rewards_state"),
    # Every redemption moves the counters: room on the page keeps the updates off the index.
    postgresql_with={"fillfactor": 50},
)

# No foreign keys: whoever writes a redemption has locked the member's accounts and the reward; neither is ever deleted.
redemptions = Table(
    "redemptions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Uuid, nullable=False),
    Column("reward", Uuid, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("cash", BigInteger),
    Column("currency", Text),
    Column("hold", Uuid, nullable=False),
    Column("day", Text, nullable=False),
    Column("store", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("payment", Text),
    Column("voucher_code", Text, nullable=False),
    Column("tracking_number", Text, nullable=False),
    Column("pickup_store", Text, nullable=False),
    Column("digest", Text),
    Column("refund_payment", Text),
    Column("restocked", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True)),
    Column("confirm_time", DateTime(timezone=True)),
    Column("fulfil_time", DateTime(timezone=True)),
    Column("end_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("programme", Text, nullable=False, server_default="default"),
    Column("refusal", Text, nullable=False, server_default=""),
    CheckConstraint("quantity > 0 and points > 0 and cash > 0", name="redemptions_price"),
    CheckConstraint(
        "(cash is null) = (currency is null) and (cash is null) = (expire_time is null)", name="redemptions_cash"
    ),
    # The states, by what must have happened for each.
    CheckConstraint(
        "case state when 'HELD' then confirm_time is null and end_time is null and cash is not null"
        " when 'CONFIRMED' then confirm_time is not null and fulfil_time is null and end_time is null"
        " when 'FULFILLED' then confirm_time is not null and fulfil_time is not null and end_time is null"
        " when 'CANCELLED' then confirm_time is null and end_time is not null and cash is not null"
        " when 'EXPIRED' then confirm_time is null and end_time is not null and cash is not null"
        " when 'REFUNDED' then confirm_time is not null and end_time is not null"
        " else false end",
        name="redemptions_state",
    ),
    CheckConstraint("(payment is not null) = (confirm_time is not null and cash is not null)", name="redemptions_paid"),
    CheckConstraint(
        "(refund_payment is not null) = (state = 'REFUNDED' and cash is not null)", name="redemptions_refunded"
    ),
    CheckConstraint("not restocked or state = 'REFUNDED'", name="redemptions_restocked"),
    postgresql_with={"fillfactor": 80},
)
Index("redemptions_member", redemptions.c.member, redemptions.c.id)
Index("redemptions_share", redemptions.c.member, redemptions.c.reward)
Index("redemptions_reward", redemptions.c.reward, redemptions.c.id)
Index("redemptions_due", redemptions.c.expire_time, postgresql_where=text("state = 'HELD'"))
Index("redemptions_waiting", redemptions.c.id, postgresql_where=text("state = 'CONFIRMED' and refusal <> ''"))
# Each is known once, for ever.
Index("redemptions_payment", redemptions.c.payment, unique=True, postgresql_where=text("payment is not null"))
Index(
    "redemptions_refund_payment",
    redemptions.c.refund_payment,
    unique=True,
    postgresql_where=text("refund_payment is not null"),
)
Index("redemptions_digest", redemptions.c.digest, unique=True, postgresql_where=text("digest is not null"))

point_transfers = Table(
    "point_transfers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Uuid, nullable=False),
    Column("recipient", Uuid, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("day", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("programme", Text, nullable=False, server_default="default"),
    CheckConstraint("points > 0", name="point_transfers_points"),
)
Index("point_transfers_member", point_transfers.c.member, point_transfers.c.id)
Index("point_transfers_day", point_transfers.c.member, point_transfers.c.day)

# One row, for the default programme.
point_transfer_policy = Table(
    "point_transfer_policy",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("daily_limit", BigInteger, nullable=False),
    Column("minimum", BigInteger, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="point_transfer_policy_single"),
)

# Those of the other programmes; who has none gives nothing away.
programme_transfer_policies = Table(
    "programme_transfer_policies",
    metadata,
    Column("programme", Text, primary_key=True),
    Column("daily_limit", BigInteger, nullable=False),
    Column("minimum", BigInteger, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("version", BigInteger, nullable=False),
)
