"""Members, their points, holds, purchases and tiers, and the programme to begin with."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit import ledger, schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    schema.create(op)
    ledger.create(op)
    _members()
    _points()
    _tiers()
    op.execute(PROGRAMME)
    op.execute(HOUSE)


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("home_store", sa.Text, nullable=False),
        sa.Column("enroll_time", INSTANT, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "identifiers",
        sa.Column("kind", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("value", sa.Text),
        sa.Column("member", sa.Uuid, sa.ForeignKey("members.id"), nullable=False),
        sa.PrimaryKeyConstraint("kind", "channel", "value", name="identifiers_pkey"),
    )
    op.create_index("ix_identifiers_member", "identifiers", ["member"])


def _points() -> None:
    op.create_table(
        "holds",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("member", sa.Uuid, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("expire_time", INSTANT, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("confirmed", sa.BigInteger, nullable=False),
        sa.Column("end_time", INSTANT),
        sa.CheckConstraint("confirmed between 0 and points", name="holds_confirmed"),
        sa.CheckConstraint("(state = 'ACTIVE') = (end_time is null)", name="holds_end"),
    )
    op.create_index("ix_holds_member", "holds", ["member"])
    op.create_index("holds_due", "holds", ["expire_time"], postgresql_where=sa.text("state = 'ACTIVE'"))
    op.create_table(
        "purchases",
        sa.Column("member", sa.Uuid),
        sa.Column("order", sa.Uuid),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("pay_time", INSTANT, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("rules", sa.Integer, nullable=False),
        sa.Column("earned", sa.BigInteger, nullable=False),
        sa.Column("returned", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("member", "order", name="purchases_pkey"),
    )


def _tiers() -> None:
    op.create_table(
        "standings",
        sa.Column("member", sa.Uuid, primary_key=True),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("next_change", INSTANT),
        sa.Column("rules", sa.Integer, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_standings_rules", "standings", ["rules"])
    op.create_index("standings_due", "standings", ["next_change"], postgresql_where=sa.text("next_change is not null"))
    op.create_table(
        "tier_changes",
        sa.Column("member", sa.Uuid),
        sa.Column("time", INSTANT),
        sa.Column("from_tier", sa.Text, nullable=False),
        sa.Column("to_tier", sa.Text, nullable=False),
        sa.Column("upgrade", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("member", "time", name="tier_changes_pkey"),
    )
    op.create_table(
        "programmes",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rules", postgresql.JSONB, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
    )


# A point for every whole unit of money, a hundred points are worth one; three tiers by the spend of a year.
PROGRAMME = """
insert into programmes (version, rules, update_time) values (1, '{
    "currency": "USD",
    "earn": {"points": 1, "amount": 100},
    "redeem": {"points": 100, "amount": 100},
    "tiers": [{"id": "silver", "threshold": 10000}, {"id": "gold", "threshold": 25000},
              {"id": "platinum", "threshold": 50000}],
    "window_days": 365
}', now())
"""

# The programme's own accounts; the id is `HOUSE` of the domain. No balance is kept beside their entries.
HOUSE = """
insert into ledger_accounts (unit, owner, kind, sign, balance)
select 'points', '6b656875-0000-7000-8000-000000000001', kind, 0, null from unnest(array['expense', 'clearing']) as kind
"""
