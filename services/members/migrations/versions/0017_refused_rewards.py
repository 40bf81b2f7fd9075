"""Redemptions say why their reward could not be delivered."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("redemptions", sa.Column("refusal", sa.Text, nullable=False, server_default=""))
