"""The audit trail of manual acts, what was posted by hand, and what was proved."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _audit()
    _adjustments()
    _verifications()
    op.execute(APPEND_ONLY)


def _audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("time", INSTANT, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("audit_entries_subject", "audit_entries", ["subject", "sequence"])
    op.create_index("audit_entries_actor", "audit_entries", ["actor", "sequence"])


def _adjustments() -> None:
    op.create_table(
        "adjustments",
        sa.Column("row_id", sa.Text, primary_key=True),
        sa.Column("member", sa.Uuid, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
    )


def _verifications() -> None:
    op.create_table(
        "verifications",
        sa.Column("member", sa.Uuid),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("time", INSTANT, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("previous", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("jws", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("member", "sequence", name="verifications_pkey"),
    )
    op.create_table(
        "sweeps",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("time", INSTANT, nullable=False),
        sa.Column("position", sa.Uuid, nullable=False),
        sa.Column("differences", sa.Text, nullable=False),
    )


APPEND_ONLY = """
create function proof_append_only() returns trigger language plpgsql as
$$ begin raise exception '% may only grow', tg_table_name; end $$;
create trigger proof_append_only before update or delete or truncate on audit_entries
    for each statement execute function proof_append_only();
create trigger proof_append_only before update or delete or truncate on adjustments
    for each statement execute function proof_append_only();
create trigger proof_append_only before update or delete or truncate on verifications
    for each statement execute function proof_append_only();
revoke update, delete, truncate on audit_entries, adjustments, verifications from current_user;
"""
