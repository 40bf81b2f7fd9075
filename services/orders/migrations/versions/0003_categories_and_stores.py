"""Products have a category, which the lines of orders keep; orders have a store."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("products", sa.Column("category", sa.Text, nullable=False, server_default=""))
    op.add_column("order_lines", sa.Column("category", sa.Text, nullable=False, server_default=""))
    op.add_column("orders", sa.Column("store", sa.Text, nullable=False, server_default=""))
