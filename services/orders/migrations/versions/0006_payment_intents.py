"""Payments by providers and what their notices said."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _payment_intents()
    _payment_notices()
    _provider_refunds()
    _reconciliation_reports()
    _reconciliation_differences()


def _payment_intents() -> None:
    op.create_table(
        "payment_intents",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id", name="payment_intents_order"), nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("scene", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("merchant", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("prepared", JSONB),
        sa.Column("transaction", sa.Text),
        sa.Column("captured", sa.BigInteger),
        sa.Column("captured_currency", sa.Text),
        sa.Column("pay_time", _TIME),
        sa.Column("cause", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("next_time", _TIME),
        sa.Column("questions", sa.Integer, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("expire_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount > 0", name="payment_intents_amount"),
        sa.CheckConstraint(
            "state not in ('SUCCEEDED', 'PARKED', 'RETURNED') or captured is not null", name="payment_intents_captured"
        ),
        sa.CheckConstraint(
            "state in ('PENDING', 'SUCCEEDED', 'CLOSED', 'FAILED', 'PARKED', 'RETURNED')", name="payment_intents_state"
        ),
    )
    op.create_index("payment_intents_latest", "payment_intents", ["create_time", "id"])
    op.create_index(
        "payment_intents_next", "payment_intents", ["next_time"], postgresql_where=sa.text("state = 'PENDING'")
    )
    op.create_index("payment_intents_order", "payment_intents", ["order_id", "create_time", "id"])
    op.create_index("payment_intents_paid", "payment_intents", ["provider", "pay_time"])
    op.create_index(
        "payment_intents_parked", "payment_intents", ["create_time", "id"], postgresql_where=sa.text("state = 'PARKED'")
    )
    op.create_index("payment_intents_reference", "payment_intents", ["reference"], unique=True)
    op.create_index(
        "payment_intents_transaction",
        "payment_intents",
        ["provider", "transaction"],
        unique=True,
        postgresql_where=sa.text("transaction is not null"),
    )


def _payment_notices() -> None:
    op.create_table(
        "payment_notices",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("notice_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("receive_time", _TIME, nullable=False),
        sa.Column("apply_time", _TIME),
        sa.Column("next_time", _TIME),
        sa.Column("attempts", sa.Integer, nullable=False),
    )
    op.create_index("payment_notices_age", "payment_notices", ["receive_time"])
    op.create_index(
        "payment_notices_next", "payment_notices", ["next_time"], postgresql_where=sa.text("apply_time is null")
    )
    op.create_index("payment_notices_notice", "payment_notices", ["provider", "notice_id"], unique=True)


def _provider_refunds() -> None:
    op.create_table(
        "provider_refunds",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column(
            "intent_id", sa.Uuid, sa.ForeignKey("payment_intents.id", name="provider_refunds_intent"), nullable=False
        ),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("charge", sa.Text, nullable=False),
        sa.Column("transaction_charged", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("refund_id", sa.Uuid),
        sa.Column("position", sa.Integer),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_time", _TIME),
        sa.Column("transaction", sa.Text, nullable=False),
        sa.Column("settle_time", _TIME),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("given_up", sa.Boolean, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("amount > 0", name="provider_refunds_amount"),
        sa.CheckConstraint("state in ('PENDING', 'SUCCEEDED', 'FAILED')", name="provider_refunds_state"),
        sa.CheckConstraint("amount <= total", name="provider_refunds_total"),
    )
    op.create_index("provider_refunds_latest", "provider_refunds", ["create_time", "id"])
    op.create_index(
        "provider_refunds_next", "provider_refunds", ["next_time"], postgresql_where=sa.text("state = 'PENDING'")
    )
    op.create_index("provider_refunds_order", "provider_refunds", ["order_id", "create_time", "id"])
    op.create_index("provider_refunds_reference", "provider_refunds", ["reference"], unique=True)
    op.create_index(
        "provider_refunds_refund",
        "provider_refunds",
        ["refund_id", "position"],
        unique=True,
        postgresql_where=sa.text("refund_id is not null"),
    )
    op.create_index("provider_refunds_settled", "provider_refunds", ["provider", "settle_time"])
    op.create_index(
        "provider_refunds_whole",
        "provider_refunds",
        ["provider", "charge", "transaction_charged"],
        unique=True,
        postgresql_where=sa.text("refund_id is null"),
    )


def _reconciliation_reports() -> None:
    op.create_table(
        "reconciliation_reports",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("lines", sa.BigInteger, nullable=False),
        sa.Column("differences", sa.BigInteger, nullable=False),
        sa.Column("compare_time", _TIME),
        sa.Column("lease_time", _TIME),
    )
    op.create_index("reconciliation_reports_day", "reconciliation_reports", ["provider", "day"], unique=True)


def _reconciliation_differences() -> None:
    op.create_table(
        "reconciliation_differences",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "report_id",
            sa.Uuid,
            sa.ForeignKey("reconciliation_reports.id", name="reconciliation_differences_report"),
            nullable=False,
        ),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("movement", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("transaction", sa.Text, nullable=False),
        sa.Column("order_id", sa.Uuid),
        sa.Column("ours", sa.BigInteger),
        sa.Column("theirs", sa.BigInteger),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("find_time", _TIME, nullable=False),
        sa.Column("resolve_time", _TIME),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("reconciliation_differences_latest", "reconciliation_differences", ["find_time", "id"])
    op.create_index(
        "reconciliation_differences_open",
        "reconciliation_differences",
        ["provider", "movement", "reference"],
        postgresql_where=sa.text("resolve_time is null"),
    )
