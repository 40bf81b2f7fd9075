"""The public keys that statements were signed with are kept, so that old ones can be verified when the key changes."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verification_keys",
        sa.Column("kid", sa.Text, primary_key=True),
        sa.Column("jwk", sa.Text, nullable=False),
        sa.Column("publish_time", sa.DateTime(timezone=True), nullable=False),
    )
