"""Lots say whether their owners were told of the end when it was fixed."""

from alembic import op

from kit import ledger

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ledger.mark_announced(op)
