"""A checkout may pay an order that was placed before; then its own id is another than the order's."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table checkouts add pays uuid")
    op.execute("create index checkouts_pays on checkouts (pays, open_time) where pays is not null")
