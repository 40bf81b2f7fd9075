"""Stock movements are divided by their ids; those of before become the first partition as they are."""

from alembic import op

from kit.db import partitions

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(APPEND_ONLY)
    partitions.divide(op, "stock_movements")


# Truncating is changing too, and the service's own role has no right to any of it.
APPEND_ONLY = """
create or replace trigger stock_movements_stay before update or delete or truncate on stock_movements
for each statement execute function stock_movements_stay();
revoke update, delete, truncate on stock_movements from current_user;
"""
