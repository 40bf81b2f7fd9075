"""What other channels sell, and what was proved of orders."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _proof()


def _proof() -> None:
    op.create_table(
        "order_verifications",
        sa.Column("order_id", sa.Uuid),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("time", INSTANT, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("jws", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("order_id", "sequence", name="order_verifications_pkey"),
    )
    op.create_table(
        "order_sweeps",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("time", INSTANT, nullable=False),
        sa.Column("differences", sa.Text, nullable=False),
    )
    op.execute(APPEND_ONLY)


APPEND_ONLY = """
create function order_proof_append_only() returns trigger language plpgsql as
$$ begin raise exception '% may only grow', tg_table_name; end $$;
create trigger order_proof_append_only before update or delete or truncate on order_verifications
    for each statement execute function order_proof_append_only();
revoke update, delete, truncate on order_verifications from current_user;
"""
