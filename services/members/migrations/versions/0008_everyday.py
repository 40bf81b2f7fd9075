"""Engagement: check-ins, receipts, referrals, birthdays, badges and daily limits. At first all is switched off."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _rules()
    _check_ins()
    _receipts()
    _referrals()
    _celebrations()
    _badges()
    op.execute("insert into engagement_policies (version, rules, update_time) values (1, '{}', now())")
    # The first key of the service: what it signs with is derived from the keyring and this id.
    op.execute(
        "insert into receipt_keys (id, store, create_time) values ('00000000-0000-7000-8000-000000000001', '', now())"
    )


def _rules() -> None:
    op.create_table(
        "engagement_policies",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rules", postgresql.JSONB, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
    )
    op.create_table(
        "daily_uses",
        sa.Column("day", sa.Date),
        sa.Column("activity", sa.Text),
        sa.Column("scope", sa.Text),
        sa.Column("measure", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("allowed", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "activity", "scope", "measure", "subject", name="daily_uses_pkey"),
        sa.CheckConstraint("used <= allowed", name="daily_uses_bound"),
    )


def _check_ins() -> None:
    op.create_table(
        "check_ins",
        sa.Column("member", sa.Uuid),
        sa.Column("day", sa.Date),
        sa.Column("streak", sa.Integer, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("bonus", sa.BigInteger, nullable=False),
        sa.Column("made_up", sa.Boolean, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("member", "day", name="check_ins_pkey"),
        sa.CheckConstraint("bonus between 0 and points", name="check_ins_bonus"),
    )


def _receipts() -> None:
    op.create_table(
        "receipt_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("retire_time", INSTANT),
        sa.Column("revoke_time", INSTANT),
        sa.CheckConstraint("(public_key is null) = (store = '')", name="receipt_keys_store"),
    )
    op.create_table(
        "receipt_claims",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("member", sa.Uuid, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("purchase_time", INSTANT, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Uuid, nullable=False),
        sa.Column("claim_time", INSTANT, nullable=False),
        sa.UniqueConstraint("store", "number", name="receipt_claims_receipt"),
    )
    op.create_index("receipt_claims_member", "receipt_claims", ["member", "id"])


def _referrals() -> None:
    op.create_table(
        "referral_codes",
        sa.Column("member", sa.Uuid, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.UniqueConstraint("code", name="referral_codes_code"),
    )
    op.create_table(
        "referrals",
        sa.Column("member", sa.Uuid, primary_key=True),
        sa.Column("referrer", sa.Uuid, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("referrer_points", sa.BigInteger, nullable=False),
        sa.Column("member_points", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("order", sa.Uuid),
        sa.Column("referrer_given", sa.BigInteger, nullable=False),
        sa.Column("member_given", sa.BigInteger, nullable=False),
        sa.Column("reward_time", INSTANT),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state = 'REWARDED' or (referrer_given = 0 and member_given = 0)", name="referrals_given"),
    )
    op.create_index("referrals_referrer", "referrals", ["referrer", "member"])
    op.create_table(
        "referral_orders",
        sa.Column("member", sa.Uuid),
        sa.Column("order", sa.Uuid),
        sa.Column("pay_time", INSTANT, nullable=False),
        sa.Column("paid", sa.BigInteger),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("member", "order", name="referral_orders_pkey"),
    )


def _celebrations() -> None:
    op.create_table(
        "birthday_rewards",
        sa.Column("member", sa.Uuid),
        sa.Column("year", sa.Integer),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("member", "year", name="birthday_rewards_pkey"),
    )
    op.create_table(
        "profile_rewards",
        sa.Column("member", sa.Uuid, primary_key=True),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
    )


def _badges() -> None:
    op.create_table(
        "badges",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("threshold", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("retire_time", INSTANT),
    )
    op.create_table(
        "badge_awards",
        sa.Column("member", sa.Uuid),
        sa.Column("badge", sa.Uuid),
        sa.Column("award_time", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("member", "badge", name="badge_awards_pkey"),
    )
