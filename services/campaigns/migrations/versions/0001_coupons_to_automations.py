"""Coupon templates, coupons, purchases, profiles, segments and automations."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    schema.create(op)
    _coupon_templates()
    _coupons()
    _profiles()
    _segments()
    _automations()


def _coupon_templates() -> None:
    op.create_table(
        "coupon_templates",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("basis_points", sa.Integer),
        sa.Column("amount", sa.BigInteger),
        sa.Column("minimum_spend", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("stackable", sa.Boolean, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("start_time", TIME),
        sa.Column("end_time", TIME),
        sa.Column("days_after_issue", sa.Integer),
        sa.Column("issue_limit", sa.BigInteger),
        sa.Column("per_member_limit", sa.BigInteger),
        sa.Column("budget", sa.BigInteger),
        sa.Column("issued_count", sa.BigInteger, nullable=False),
        sa.Column("expired_count", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", TIME, nullable=False),
        sa.Column("update_time", TIME, nullable=False),
        sa.CheckConstraint("expired_count between 0 and issued_count", "coupon_templates_counts"),
        sa.CheckConstraint("issued_count <= issue_limit", "coupon_templates_issue_limit"),
        sa.CheckConstraint("issued_count - expired_count <= budget / amount", "coupon_templates_budget"),
    )


def _coupons() -> None:
    op.create_table(
        "coupons",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "template_id", sa.Uuid, sa.ForeignKey("coupon_templates.id", name="coupons_template"), nullable=False
        ),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("issue_time", TIME, nullable=False),
        sa.Column("start_time", TIME, nullable=False),
        sa.Column("expire_time", TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("order_id", sa.Uuid),
        sa.Column("lock_expire_time", TIME),
        sa.Column("use_time", TIME),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.CheckConstraint("state in ('ISSUED', 'LOCKED', 'USED', 'EXPIRED', 'VOID')", "coupons_state"),
        sa.CheckConstraint("(order_id is not null) = (state in ('LOCKED', 'USED'))", "coupons_order"),
    )
    op.create_index("coupons_member", "coupons", ["member_id", "template_id"])
    op.create_index("coupons_template", "coupons", ["template_id", "id"])
    op.create_index(
        "coupons_cause",
        "coupons",
        ["template_id", "member_id", "cause"],
        unique=True,
        postgresql_where=sa.text("cause <> ''"),
    )
    op.create_index("coupons_expiring", "coupons", ["expire_time"], postgresql_where=sa.text("state = 'ISSUED'"))
    op.create_index("coupons_locked", "coupons", ["lock_expire_time"], postgresql_where=sa.text("state = 'LOCKED'"))


def _profiles() -> None:
    op.create_table(
        "purchases",
        sa.Column("order_id", sa.Uuid, primary_key=True),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("pay_time", TIME, nullable=False),
        sa.Column("counts", sa.Boolean, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("purchases_member", "purchases", ["member_id", "currency"])
    op.create_table(
        "profiles",
        sa.Column("member_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("due_time", TIME),
        sa.Column("update_time", TIME, nullable=False),
    )
    op.create_index("profiles_due", "profiles", ["due_time"], postgresql_where=sa.text("due_time is not null"))
    op.create_table(
        "spendings",
        sa.Column("member_id", sa.Uuid, primary_key=True),
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("order_count", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("first_purchase", TIME),
        sa.Column("last_purchase", TIME),
        sa.CheckConstraint("order_count >= 0", "spendings_order_count"),
    )


def _segments() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("rule", postgresql.JSONB, nullable=False),
        sa.Column("rule_version", sa.BigInteger, nullable=False),
        sa.Column("built_version", sa.BigInteger, nullable=False),
        sa.Column("built_up_to", sa.Uuid),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", TIME, nullable=False),
        sa.Column("update_time", TIME, nullable=False),
    )
    op.create_table(
        "segment_members",
        sa.Column(
            "segment_id", sa.Uuid, sa.ForeignKey("segments.id", name="segment_members_segment"), primary_key=True
        ),
        sa.Column("member_id", sa.Uuid, primary_key=True),
        sa.Column("enter_time", TIME, nullable=False),
        sa.Column("rule_version", sa.BigInteger, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
    )
    op.create_index("segment_members_member", "segment_members", ["member_id"])


def _automations() -> None:
    op.create_table(
        "automations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("segment_id", sa.Uuid, sa.ForeignKey("segments.id", name="automations_segment"), nullable=False),
        sa.Column(
            "template_id", sa.Uuid, sa.ForeignKey("coupon_templates.id", name="automations_template"), nullable=False
        ),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("create_time", TIME, nullable=False),
        sa.Column("update_time", TIME, nullable=False),
        sa.CheckConstraint("state in ('ACTIVE', 'PAUSED')", "automations_state"),
    )
    op.create_index("automations_segment", "automations", ["segment_id"])
    op.create_table(
        "automation_runs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "automation_id", sa.Uuid, sa.ForeignKey("automations.id", name="automation_runs_automation"), nullable=False
        ),
        sa.Column("member_id", sa.Uuid, nullable=False),
        sa.Column("coupon_id", sa.Uuid, sa.ForeignKey("coupons.id", name="automation_runs_coupon")),
        sa.Column("skip_reason", sa.Text, nullable=False),
        sa.Column("rule_version", sa.BigInteger, nullable=False),
        sa.Column("run_time", TIME, nullable=False),
        sa.CheckConstraint("(coupon_id is null) = (skip_reason <> '')", "automation_runs_outcome"),
    )
    op.create_index("automation_runs_automation", "automation_runs", ["automation_id", "id"])
    op.create_index(
        "automation_runs_once",
        "automation_runs",
        ["automation_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("coupon_id is not null"),
    )
