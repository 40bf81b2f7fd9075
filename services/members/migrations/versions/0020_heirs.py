"""Heirs of accounts can be found, so that they are locked in one order with those whose accounts they took over."""

from alembic import op

from kit import ledger

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

before = ledger.index_heirs_before


def upgrade() -> None:
    ledger.index_heirs(op)
