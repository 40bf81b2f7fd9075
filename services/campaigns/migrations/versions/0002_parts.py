"""Coupon templates belong to parts of the organisation."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table coupon_templates add org text not null default ''")
    op.execute("create index coupon_templates_org on coupon_templates (org text_pattern_ops, id) where org <> ''")
