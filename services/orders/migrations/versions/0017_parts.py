"""Stores, what they sell, and locations belong to parts of the organisation."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("stores", "locations", "orders"):
        op.execute(f"alter table {table} add org text not null default ''")
    for table in ("stores", "locations"):
        op.execute(f"create index {table}_org on {table} (org text_pattern_ops) where org <> ''")
    op.execute("alter table stores add move_time timestamptz")
    op.execute("create index stores_moved on stores (code) where move_time is not null")
    op.execute("create index orders_org on orders (org text_pattern_ops, place_time, id) where org <> ''")
