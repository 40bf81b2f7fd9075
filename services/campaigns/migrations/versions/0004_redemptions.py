"""Coupons that members redeem points for."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        create table redemptions (
            redemption_id uuid primary key,
            state text not null,
            reason text not null,
            update_time timestamptz not null,
            constraint redemptions_state check (state in ('DELIVERED', 'REFUSED', 'REVOKING', 'REVOKED'))
        )
    """)
    op.execute("create index redemptions_revoking on redemptions (redemption_id) where state = 'REVOKING'")
    op.execute("create index redemptions_refused on redemptions (update_time) where state = 'REFUSED'")
    op.execute("""
        create table redemption_coupons (
            coupon_id uuid primary key constraint redemption_coupons_coupon references coupons (id),
            redemption_id uuid not null
                constraint redemption_coupons_redemption references redemptions (redemption_id)
        )
    """)
    op.execute("create index redemption_coupons_of on redemption_coupons (redemption_id)")
