"""Members who asked to be forgotten are remembered by their ids, so that nothing personal is stored of them again."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create table erased_members (member_id uuid primary key, erase_time timestamptz not null)")
