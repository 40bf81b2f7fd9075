"""Tiers given by hand, and growth value."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "tier_overrides",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("member", sa.Uuid, nullable=False),
        sa.Column("time", INSTANT, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("end_time", INSTANT),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
    )
    op.create_index("tier_overrides_member", "tier_overrides", ["member", "id"])
    op.create_table(
        "order_growth",
        sa.Column("member", sa.Uuid),
        sa.Column("order", sa.Uuid),
        sa.Column("growth", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("member", "order", name="order_growth_pkey"),
    )
    op.add_column("tier_changes", sa.Column("manual", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("revoke update, delete, truncate on tier_overrides from current_user")
    op.execute(HOUSE)


# Where growth value comes from. The accounts of members are opened when they get some.
HOUSE = """
insert into ledger_accounts (unit, owner, kind, sign, balance)
values ('growth', '6b656875-0000-7000-8000-000000000001', 'expense', 0, null)
"""
