"""Money that comes for a closed order brings it back with the coupons, the points and the money that it had held."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table checkouts add intent_id uuid")
    op.execute("alter table checkout_steps add renews text not null default ''")
    op.execute("""
        alter table refunds drop constraint refunds_state,
            add constraint refunds_state check (
                state in ('REQUESTED', 'AWAITING_GOODS', 'PENDING', 'SUCCEEDED', 'REJECTED', 'WITHDRAWN')) not valid
    """)
    op.execute("""
        alter table payment_intents drop constraint payment_intents_state, drop constraint payment_intents_captured,
            add constraint payment_intents_state check (
                state in ('PENDING', 'SUCCEEDED', 'CLOSED', 'FAILED', 'PARKED', 'RETURNED', 'REVIVING')) not valid,
            add constraint payment_intents_captured check (
                state not in ('SUCCEEDED', 'PARKED', 'RETURNED', 'REVIVING') or captured is not null) not valid
    """)
    for table, name in (
        ("refunds", "refunds_state"),
        ("payment_intents", "payment_intents_state"),
        ("payment_intents", "payment_intents_captured"),
    ):
        op.execute(f"alter table {table} validate constraint {name}")
