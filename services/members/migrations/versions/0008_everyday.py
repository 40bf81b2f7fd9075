"""Engagement: daily check-ins and the counters of daily limits. At first everything is switched off."""

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
    op.execute("insert into engagement_policies (version, rules, update_time) values (1, '{}', now())")


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
