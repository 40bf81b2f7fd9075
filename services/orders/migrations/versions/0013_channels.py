"""What other channels sell, and what was proved of orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _proof()
    _shops()
    _ingested()


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


def _shops() -> None:
    op.create_table(
        "shops",
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
    )
    op.create_table(
        "channel_skus",
        sa.Column("shop", sa.Text, sa.ForeignKey("shops.code", name="channel_skus_shop"), primary_key=True),
        sa.Column("sku", sa.Text, primary_key=True),
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("products.id", name="channel_skus_product"), nullable=False),
    )


def _ingested() -> None:
    op.create_table(
        "ingested_orders",
        sa.Column("shop", sa.Text, sa.ForeignKey("shops.code", name="ingested_orders_shop"), primary_key=True),
        sa.Column("tid", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("modify_time", INSTANT),
        sa.Column("told", sa.Text),
        sa.Column("order_id", sa.Uuid),
        sa.Column("snags", JSONB, nullable=False, server_default="[]"),
        sa.Column("residue", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("state in ('NEW', 'STORED', 'EXCEPTION')", name="ingested_orders_state"),
        sa.CheckConstraint(
            "state = 'NEW' or (told is not null and modify_time is not null)", name="ingested_orders_told"
        ),
    )
    op.create_index(
        "ingested_orders_order",
        "ingested_orders",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("order_id is not null"),
    )
    op.create_index(
        "ingested_orders_exceptions",
        "ingested_orders",
        ["shop", "tid"],
        postgresql_where=sa.text("state = 'EXCEPTION'"),
    )
    op.create_table(
        "ingested_lines",
        sa.Column("shop", sa.Text, primary_key=True),
        sa.Column("oid", sa.Text, primary_key=True),
        sa.Column("tid", sa.Text, nullable=False),
    )


APPEND_ONLY = """
create function order_proof_append_only() returns trigger language plpgsql as
$$ begin raise exception '% may only grow', tg_table_name; end $$;
create trigger order_proof_append_only before update or delete or truncate on order_verifications
    for each statement execute function order_proof_append_only();
revoke update, delete, truncate on order_verifications from current_user;
"""
