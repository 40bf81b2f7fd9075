"""Whether the units of a refund that never left are for sale again."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refunds", sa.Column("restock", sa.Boolean, nullable=False, server_default="false"))
