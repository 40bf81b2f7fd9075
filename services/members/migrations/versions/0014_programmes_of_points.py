"""Holds, rewards, redemptions, transfers and adjustments say of which programme their points are."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("holds", "rewards", "redemptions", "point_transfers", "adjustments"):
        op.add_column(table, sa.Column("programme", sa.Text, nullable=False, server_default="default"))
    op.create_table(
        "programme_transfer_policies",
        sa.Column("programme", sa.Text, primary_key=True),
        sa.Column("daily_limit", sa.BigInteger, nullable=False),
        sa.Column("minimum", sa.BigInteger, nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
