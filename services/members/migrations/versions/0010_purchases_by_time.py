"""Purchases can be read by the time of their payment."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("purchases_time", "purchases", ["pay_time", "member", "order"])
