"""Members say by which look-up keys they are found, so that these keys can be replaced."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("members", sa.Column("lookup_keys", ARRAY(sa.Text), nullable=False, server_default="{1}"))
