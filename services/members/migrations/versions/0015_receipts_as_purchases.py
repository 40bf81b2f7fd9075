"""Receipts that were claimed are purchases: with the claim's name as their source, and the most points one may give."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("purchases", sa.Column("receipt", sa.Text))
    op.add_column("purchases", sa.Column("most", sa.BigInteger))
