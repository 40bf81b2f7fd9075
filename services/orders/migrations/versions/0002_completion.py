"""Orders can be completed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("complete_time", sa.DateTime(timezone=True)))
    op.drop_constraint("orders_state", "orders")
    op.create_check_constraint(
        "orders_state",
        "orders",
        "state in ('PENDING_PAYMENT', 'PAID', 'CANCELLED', 'PARTIALLY_REFUNDED', 'REFUNDED', 'COMPLETED')",
    )
