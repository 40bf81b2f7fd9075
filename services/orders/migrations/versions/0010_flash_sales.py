"""Flash sales."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _sales()
    _buckets()
    op.create_table(
        "flash_sale_units",
        sa.Column("sale_id", sa.Uuid, primary_key=True),
        sa.Column("member_id", sa.Uuid, primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("bucket", sa.Integer),
        sa.Column("paid", sa.Boolean, nullable=False),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("flash_sale_units_order", "flash_sale_units", ["order_id"])
    op.create_table(
        "flash_sale_refusals",
        sa.Column("sale_id", sa.Uuid, primary_key=True),
        sa.Column("reason", sa.Text, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "flash_sale_places",
        sa.Column("sale_id", sa.Uuid, primary_key=True),
        sa.Column("member_id", sa.Uuid, primary_key=True),
        sa.Column("admit_time", INSTANT, nullable=False),
    )


def _sales() -> None:
    op.create_table(
        "flash_sales",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("products.id", name="flash_sales_product"), nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        _units("price", "flash_sales_price"),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("quota", sa.BigInteger, sa.CheckConstraint("quota > 0", name="flash_sales_quota"), nullable=False),
        sa.Column("start_time", INSTANT, nullable=False),
        sa.Column("end_time", INSTANT, nullable=False),
        sa.Column("member_limit", sa.Integer, nullable=False),
        sa.Column("tiers", JSONB, nullable=False),
        sa.Column("channels", JSONB, nullable=False),
        sa.Column("hold_ms", sa.BigInteger, nullable=False),
        sa.Column("refund_policy", sa.Text, nullable=False),
        sa.Column("admitted_per_second", sa.Integer, nullable=False),
        sa.Column("buckets", sa.Integer, nullable=False),
        sa.Column("ending", sa.Text),
        sa.Column("next_admission", INSTANT),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", INSTANT, nullable=False),
        sa.Column("update_time", INSTANT, nullable=False),
        sa.CheckConstraint("start_time < end_time", name="flash_sales_window"),
        sa.CheckConstraint("ending in ('ENDED', 'CANCELLED')", name="flash_sales_ending"),
    )
    op.create_index("flash_sales_latest", "flash_sales", ["start_time", "id"])
    op.create_index("flash_sales_product_latest", "flash_sales", ["product_id", "start_time", "id"])
    op.create_index("flash_sales_due", "flash_sales", ["end_time"], postgresql_where=sa.text("ending is null"))


def _buckets() -> None:
    of = sa.ForeignKey("flash_sales.id", name="flash_sale_buckets_sale")
    op.create_table(
        "flash_sale_buckets",
        sa.Column("sale_id", sa.Uuid, of, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("quota", sa.BigInteger, nullable=False),
        _units("free", "flash_sale_buckets_free"),
        _units("held", "flash_sale_buckets_held"),
        _units("sold", "flash_sale_buckets_sold"),
        _units("returned", "flash_sale_buckets_returned"),
        sa.CheckConstraint("free + held + sold + returned = quota", name="flash_sale_buckets_conserved"),
        sa.CheckConstraint("open or free = 0", name="flash_sale_buckets_over"),
        postgresql_with={"fillfactor": 50},
    )


def _units(name: str, constraint: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.CheckConstraint(f"{name} >= 0", name=constraint), nullable=False)
