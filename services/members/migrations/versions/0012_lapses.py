"""What has expired of an order's points can be found, for a refund to take it back."""

from alembic import op

from kit import ledger

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

before = ledger.index_lapses_before


def upgrade() -> None:
    ledger.index_lapses(op)
