"""The entries of the ledger are divided by their ids; those of before become the first partition as they are."""

from alembic import op

from kit import ledger

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ledger.divide(op)
