"""How far the platforms of shops were asked for orders that changed."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "channel_pulls",
        sa.Column("shop", sa.Text, sa.ForeignKey("shops.code", name="channel_pulls_shop"), primary_key=True),
        sa.Column("position", INSTANT, nullable=False),
        sa.Column("due_time", INSTANT, nullable=False),
        sa.Column("lease", sa.Uuid),
        sa.Column("lease_until", INSTANT),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("success_time", INSTANT),
        sa.Column("create_time", INSTANT, nullable=False),
    )
