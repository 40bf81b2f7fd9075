"""Redemptions whose reward was refused, and that wait for their cash, can be found."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("state = 'CONFIRMED' and refusal <> ''")
    op.create_index("redemptions_waiting", "redemptions", ["id"], postgresql_where=where)
