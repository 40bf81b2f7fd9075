"""The rules of engagement, and what members did by them. Whoever adds a row for a member has locked the wallet."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.members.storage.tables.base import metadata

engagement_policies = Table(
    "engagement_policies",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("rules", JSONB, nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
)

# The day comes first, so that what is long past lies together and is swept at one end.
daily_uses = Table(
    "daily_uses",
    metadata,
    Column("day", Date),
    Column("activity", Text),
    Column("scope", Text),
    Column("measure", Text),
    Column("subject", Text),
    Column("used", BigInteger, nullable=False),
    Column("allowed", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "activity", "scope", "measure", "subject", name="daily_uses_pkey"),
    CheckConstraint("used <= allowed", name="daily_uses_bound"),
)

check_ins = Table(
    "check_ins",
    metadata,
    Column("member", Uuid),
    Column("day", Date),
    Column("streak", Integer, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("bonus", BigInteger, nullable=False),
    Column("made_up", Boolean, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("member", "day", name="check_ins_pkey"),
    CheckConstraint("bonus between 0 and points", name="check_ins_bonus"),
)

# Without a public key it is one of the service's own, whose secret is derived and never stored.
receipt_keys = Table(
    "receipt_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("store", Text, nullable=False),
    Column("public_key", LargeBinary),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("retire_time", DateTime(timezone=True)),
    Column("revoke_time", DateTime(timezone=True)),
    CheckConstraint("(public_key is null) = (store = '')", name="receipt_keys_store"),
)

receipt_claims = Table(
    "receipt_claims",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member", Uuid, nullable=False),
    Column("store", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("purchase_time", DateTime(timezone=True), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("key", Uuid, nullable=False),
    Column("claim_time", DateTime(timezone=True), nullable=False),
    UniqueConstraint("store", "number", name="receipt_claims_receipt"),
)
Index("receipt_claims_member", receipt_claims.c.member, receipt_claims.c.id)

referral_codes = Table(
    "referral_codes",
    metadata,
    Column("member", Uuid, primary_key=True),
    Column("code", Text, nullable=False),
    UniqueConstraint("code", name="referral_codes_code"),
)

referrals = Table(
    "referrals",
    metadata,
    Column("member", Uuid, primary_key=True),
    Column("referrer", Uuid, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("referrer_points", BigInteger, nullable=False),
    Column("member_points", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("order", Uuid),
    Column("referrer_given", BigInteger, nullable=False),
    Column("member_given", BigInteger, nullable=False),
    Column("reward_time", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    CheckConstraint("state = 'REWARDED' or (referrer_given = 0 and member_given = 0)", name="referrals_given"),
)
Index("referrals_referrer", referrals.c.referrer, referrals.c.member)

# Orders that were paid here, not imported: they decide about referrals, and badges count them.
referral_orders = Table(
    "referral_orders",
    metadata,
    Column("member", Uuid),
    Column("order", Uuid),
    Column("pay_time", DateTime(timezone=True), nullable=False),
    Column("paid", BigInteger),
    Column("net", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    PrimaryKeyConstraint("member", "order", name="referral_orders_pkey"),
)

birthday_rewards = Table(
    "birthday_rewards",
    metadata,
    Column("member", Uuid),
    Column("year", Integer),
    Column("points", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("member", "year", name="birthday_rewards_pkey"),
)

profile_rewards = Table(
    "profile_rewards",
    metadata,
    Column("member", Uuid, primary_key=True),
    Column("points", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
)

badges = Table(
    "badges",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("threshold", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("retire_time", DateTime(timezone=True)),
)

badge_awards = Table(
    "badge_awards",
    metadata,
    Column("member", Uuid),
    Column("badge", Uuid),
    Column("award_time", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("member", "badge", name="badge_awards_pkey"),
)
