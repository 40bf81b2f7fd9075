"""Freight, tax and payments of several tenders; refunds by amount, and how their money goes back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _orders()
    _contents_of_orders()
    _refunds()
    _refund_payments()


def _amounts(table: str, *names: str) -> None:
    for name in names:
        op.add_column(table, sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))


def _labels(table: str, **defaults: str) -> None:
    for name, default in defaults.items():
        op.add_column(table, sa.Column(name, sa.Text, nullable=False, server_default=default))


def _orders() -> None:
    _amounts(
        "orders", "freight", "freight_tax", "refunded_freight", "refunded_freight_value", "refunded_freight_points"
    )
    _labels("orders", activity="", refund_policy="")
    op.create_check_constraint(
        "orders_freight", "orders", "freight between 0 and total and freight_tax between 0 and freight"
    )
    op.create_check_constraint(
        "orders_refunded_freight",
        "orders",
        "refunded_freight between 0 and freight and refunded_freight_value between 0 and refunded_freight",
    )
    op.create_index("orders_activity", "orders", ["activity", "id"], postgresql_where=sa.text("activity <> ''"))


def _contents_of_orders() -> None:
    _amounts("order_lines", "tax", "added_tax", "ahead", "ahead_value", "ahead_points")
    op.create_check_constraint("order_lines_tax", "order_lines", "added_tax between 0 and tax and tax <= amount")
    op.create_check_constraint(
        "order_lines_ahead", "order_lines", "ahead between 0 and amount and ahead_value between 0 and ahead"
    )
    op.add_column("payments", sa.Column("refunded", sa.BigInteger))
    op.create_check_constraint("payments_refunded", "payments", "refunded between 0 and amount")
    op.create_index(
        "payments_reference",
        "payments",
        ["tender", "reference"],
        unique=True,
        postgresql_where=sa.text("tender in ('WECHAT_PAY', 'ALIPAY', 'STORED_VALUE', 'GIFT_CARD')"),
    )


def _refunds() -> None:
    _labels("refunds", kind="REFUND", state="SUCCEEDED", requested_by="", decided_by="", note="")
    _amounts("refunds", "freight", "tax")
    for column in (
        sa.Column("decide_time", INSTANT),
        sa.Column("effect_time", INSTANT),
        sa.Column("replacement", sa.Uuid),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
    ):
        op.add_column("refunds", column)
    op.create_check_constraint(
        "refunds_state", "refunds", "state in ('REQUESTED', 'AWAITING_GOODS', 'PENDING', 'SUCCEEDED', 'REJECTED')"
    )
    op.create_index("refunds_by_state", "refunds", ["state", "refund_time", "id"])
    op.create_index("refunds_all", "refunds", ["refund_time", "id"])


def _refund_payments() -> None:
    op.create_table(
        "refund_payments",
        sa.Column("refund_id", sa.Uuid, sa.ForeignKey("refunds.id", name="refund_payments_refund"), primary_key=True),
        sa.Column("payment", sa.Integer, primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("tender", sa.Text, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False, server_default=""),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(
            ["order_id", "payment"], ["payments.order_id", "payments.position"], name="refund_payments_payment"
        ),
        sa.CheckConstraint("amount > 0", name="refund_payments_amount"),
        sa.CheckConstraint("state in ('PENDING', 'SUCCEEDED', 'FAILED')", name="refund_payments_state"),
    )
    op.create_index(
        "refund_payments_open",
        "refund_payments",
        ["update_time"],
        postgresql_where=sa.text("state <> 'SUCCEEDED'"),
    )
    op.create_index("refund_payments_order", "refund_payments", ["order_id"])
