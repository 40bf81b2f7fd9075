"""Purchases know the part of the organisation that their store belonged to; nothing is known of those of before."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("purchases", sa.Column("org", sa.Text, nullable=False, server_default=""))
