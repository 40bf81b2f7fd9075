"""Presales: orders that are paid in two parts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("orders", sa.Column("instalments", JSONB))
    _presales()
    _presale_orders()


def _presales() -> None:
    op.create_table(
        "presales",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("products.id", name="presales_product"), nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("deposit", sa.BigInteger, nullable=False),
        sa.Column("credit", sa.BigInteger, nullable=False),
        sa.Column("expansion", sa.Integer, nullable=False),
        sa.Column("quota", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.Column("member_limit", sa.BigInteger, nullable=False),
        sa.Column("deposit_start", INSTANT, nullable=False),
        sa.Column("deposit_end", INSTANT, nullable=False),
        sa.Column("balance_start", INSTANT, nullable=False),
        sa.Column("balance_end", INSTANT, nullable=False),
        sa.Column("forfeit", sa.Boolean, nullable=False),
        sa.Column("ship_time", INSTANT),
        sa.Column("hold_ms", sa.BigInteger, nullable=False),
        sa.Column("remind_ms", sa.BigInteger, nullable=False),
        sa.Column("channels", JSONB, nullable=False),
        sa.Column("cancel_time", INSTANT),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("taken between 0 and quota", name="presales_quota"),
        sa.CheckConstraint("deposit > 0 and deposit <= credit and credit < price", name="presales_money"),
        sa.CheckConstraint(
            "deposit_start < deposit_end and deposit_end <= balance_start and balance_start < balance_end",
            name="presales_windows",
        ),
    )
    op.create_index("presales_latest", "presales", ["deposit_start", "id"])
    op.create_index("presales_product_latest", "presales", ["product_id", "deposit_start", "id"])
    op.create_index("presales_cancelled", "presales", ["id"], postgresql_where=sa.text("cancel_time is not null"))


def _presale_orders() -> None:
    op.create_table(
        "presale_orders",
        sa.Column("order_id", sa.Uuid, primary_key=True),
        sa.Column("presale_id", sa.Uuid, sa.ForeignKey("presales.id", name="presale_orders_presale"), nullable=False),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column(
            "quantity",
            sa.BigInteger,
            sa.CheckConstraint("quantity > 0", name="presale_orders_quantity"),
            nullable=False,
        ),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("deposit", sa.BigInteger, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("balance_start", INSTANT, nullable=False),
        sa.Column("balance_end", INSTANT, nullable=False),
        sa.Column("remind_time", INSTANT),
        sa.Column("next_reminder", INSTANT),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint(
            "state in ('RESERVED', 'DEPOSITED', 'PAID', 'RELEASED', 'FORFEITED', 'RETURNED')",
            name="presale_orders_state",
        ),
        sa.CheckConstraint("next_reminder is null or state = 'DEPOSITED'", name="presale_orders_reminder"),
    )
    op.create_index("presale_orders_page", "presale_orders", ["presale_id", "order_id"])
    op.create_index("presale_orders_member", "presale_orders", ["presale_id", "member_id"])
    op.create_index(
        "presale_orders_due",
        "presale_orders",
        ["next_reminder"],
        postgresql_where=sa.text("next_reminder is not null"),
    )
    op.create_index(
        "presale_orders_unpaid",
        "presale_orders",
        ["presale_id", "order_id"],
        postgresql_where=sa.text("state in ('RESERVED', 'DEPOSITED')"),
    )
