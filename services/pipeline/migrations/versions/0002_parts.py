"""What belongs to a part of the organisation says so."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("reps", "accounts", "contacts", "leads", "opportunities"):
        op.execute(f"alter table {table} add org text not null default ''")
        op.execute(f"create index {table}_by_org on {table} (org text_pattern_ops, id) where org <> ''")
