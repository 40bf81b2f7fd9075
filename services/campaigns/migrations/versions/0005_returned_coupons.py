"""Coupons that come back with a full refund."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        alter table coupon_templates
            add return_on_full_refund boolean not null default true,
            add return_extension_days integer not null default 0
    """)
    op.execute("create table returned_orders (order_id uuid primary key, return_time timestamptz not null)")
