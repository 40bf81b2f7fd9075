"""The tables of campaigns. Amounts are minor units of the currency beside them; times are UTC."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from kit import schema

metadata = MetaData()
schema.define(metadata)

_TIME = DateTime(timezone=True)

coupon_templates = Table(
    "coupon_templates",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("basis_points", Integer),
    Column("amount", BigInteger),
    Column("minimum_spend", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("stackable", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("start_time", _TIME),
    Column("end_time", _TIME),
    Column("days_after_issue", Integer),
    Column("issue_limit", BigInteger),
    Column("per_member_limit", BigInteger),
    Column("budget", BigInteger),
    Column("issued_count", BigInteger, nullable=False),
    Column("expired_count", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
    # The part of the organisation; empty: of the whole house.
    Column("org", Text, nullable=False, server_default=""),
    # Whether used coupons come back with a full refund, and for how many days at least.
    Column("return_on_full_refund", Boolean, nullable=False, server_default=text("true")),
    Column("return_extension_days", Integer, nullable=False, server_default=text("0")),
    CheckConstraint("expired_count between 0 and issued_count", "coupon_templates_counts"),
    CheckConstraint("issued_count <= issue_limit", "coupon_templates_issue_limit"),
    # Divided, for the product could leave the range of the type.
    CheckConstraint("issued_count - expired_count <= budget / amount", "coupon_templates_budget"),
)
Index(
    "coupon_templates_org",
    coupon_templates.c.org,
    coupon_templates.c.id,
    postgresql_ops={"org": "text_pattern_ops"},
    postgresql_where=text("org <> ''"),
)

coupons = Table(
    "coupons",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("template_id", Uuid, ForeignKey(coupon_templates.c.id, name="coupons_template"), nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("cause", Text, nullable=False),
    Column("issue_time", _TIME, nullable=False),
    Column("start_time", _TIME, nullable=False),
    Column("expire_time", _TIME, nullable=False),
    Column("state", Text, nullable=False),
    Column("order_id", Uuid),
    Column("lock_expire_time", _TIME),
    Column("use_time", _TIME),
    Column("version", BigInteger, nullable=False),
    # Here and below: the member it came under, when another one stands for that member since; else null.
    Column("origin_id", Uuid),
    # Which checkout of its order locked it, unless that placed the order.
    Column("checkout_id", Uuid),
    CheckConstraint("state in ('ISSUED', 'LOCKED', 'USED', 'EXPIRED', 'VOID')", "coupons_state"),
    CheckConstraint("(order_id is not null) = (state in ('LOCKED', 'USED'))", "coupons_order"),
)
Index("coupons_member", coupons.c.member_id, coupons.c.template_id)
Index("coupons_template", coupons.c.template_id, coupons.c.id)
Index(
    "coupons_cause",
    coupons.c.template_id,
    coupons.c.member_id,
    coupons.c.cause,
    unique=True,
    postgresql_where=text("cause <> '' and origin_id is null"),
)
Index(
    "coupons_origin_cause",
    coupons.c.template_id,
    coupons.c.origin_id,
    coupons.c.cause,
    unique=True,
    postgresql_where=text("cause <> '' and origin_id is not null"),
)
Index("coupons_origin", coupons.c.origin_id, postgresql_where=text("origin_id is not null"))
Index("coupons_expiring", coupons.c.expire_time, postgresql_where=text("state = 'ISSUED'"))
Index("coupons_locked", coupons.c.lock_expire_time, postgresql_where=text("state = 'LOCKED'"))

# Orders of which nothing is left, and whose coupons were given back, or kept, for good.
returned_orders = Table(
    "returned_orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("return_time", _TIME, nullable=False),
)

purchases = Table(
    "purchases",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("member_id", Uuid, nullable=False),
    Column("currency", Text, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("pay_time", _TIME, nullable=False),
    Column("counts", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("origin_id", Uuid),
)
Index("purchases_member", purchases.c.member_id, purchases.c.currency)
Index("purchases_origin", purchases.c.origin_id, postgresql_where=text("origin_id is not null"))

members = Table(
    "members",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    # Who the member was merged into, as of the newest event; `root_id` is the end of the chain, or the member.
    Column("into_id", Uuid),
    Column("link_time", _TIME),
    Column("link_version", BigInteger, nullable=False),
    Column("root_id", Uuid, nullable=False),
    Column("erase_time", _TIME),
)
Index("members_into", members.c.into_id, postgresql_where=text("into_id is not null"))

profiles = Table(
    "profiles",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("due_time", _TIME),
    Column("update_time", _TIME, nullable=False),
    # Erased, or without purchases since a merge gave them to another one: nobody to be judged.
    Column("gone", Boolean, nullable=False, server_default="false"),
)
Index("profiles_gone", profiles.c.member_id, postgresql_where=text("gone"))
Index("profiles_due", profiles.c.due_time, postgresql_where=text("due_time is not null"))

spendings = Table(
    "spendings",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("order_count", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("first_purchase", _TIME),
    Column("last_purchase", _TIME),
    CheckConstraint("order_count >= 0", "spendings_order_count"),
)

segments = Table(
    "segments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("rule", JSONB, nullable=False),
    Column("rule_version", BigInteger, nullable=False),
    Column("built_version", BigInteger, nullable=False),
    Column("built_up_to", Uuid),
    Column("version", BigInteger, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
)

segment_members = Table(
    "segment_members",
    metadata,
    Column("segment_id", Uuid, ForeignKey(segments.c.id, name="segment_members_segment"), primary_key=True),
    Column("member_id", Uuid, primary_key=True),
    Column("enter_time", _TIME, nullable=False),
    Column("rule_version", BigInteger, nullable=False),
    Column("cause", Text, nullable=False),
)
Index("segment_members_member", segment_members.c.member_id)

automations = Table(
    "automations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("segment_id", Uuid, ForeignKey(segments.c.id, name="automations_segment"), nullable=False),
    Column("template_id", Uuid, ForeignKey(coupon_templates.c.id, name="automations_template"), nullable=False),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("update_time", _TIME, nullable=False),
    CheckConstraint("state in ('ACTIVE', 'PAUSED')", "automations_state"),
)
Index("automations_segment", automations.c.segment_id)

automation_runs = Table(
    "automation_runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("automation_id", Uuid, ForeignKey(automations.c.id, name="automation_runs_automation"), nullable=False),
    Column("member_id", Uuid, nullable=False),
    Column("coupon_id", Uuid, ForeignKey(coupons.c.id, name="automation_runs_coupon")),
    Column("skip_reason", Text, nullable=False),
    Column("rule_version", BigInteger, nullable=False),
    Column("run_time", _TIME, nullable=False),
    Column("origin_id", Uuid),
    CheckConstraint("(coupon_id is null) = (skip_reason <> '')", "automation_runs_outcome"),
)
Index("automation_runs_automation", automation_runs.c.automation_id, automation_runs.c.id)
Index(
    "automation_runs_once",
    automation_runs.c.automation_id,
    automation_runs.c.member_id,
    unique=True,
    postgresql_where=text("coupon_id is not null and origin_id is null"),
)
Index(
    "automation_runs_origin_once",
    automation_runs.c.automation_id,
    automation_runs.c.origin_id,
    unique=True,
    postgresql_where=text("coupon_id is not null and origin_id is not null"),
)
Index("automation_runs_origin", automation_runs.c.origin_id, postgresql_where=text("origin_id is not null"))
Index("automation_runs_member", automation_runs.c.member_id)

redemptions = Table(
    "redemptions",
    metadata,
    Column("redemption_id", Uuid, primary_key=True),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("update_time", _TIME, nullable=False),
    CheckConstraint("state in ('DELIVERED', 'REFUSED', 'REVOKING', 'REVOKED')", "redemptions_state"),
)
Index("redemptions_revoking", redemptions.c.redemption_id, postgresql_where=text("state = 'REVOKING'"))
Index("redemptions_refused", redemptions.c.update_time, postgresql_where=text("state = 'REFUSED'"))

redemption_coupons = Table(
    "redemption_coupons",
    metadata,
    Column("coupon_id", Uuid, ForeignKey(coupons.c.id, name="redemption_coupons_coupon"), primary_key=True),
    Column(
        "redemption_id",
        Uuid,
        ForeignKey(redemptions.c.redemption_id, name="redemption_coupons_redemption"),
        nullable=False,
    ),
)
Index("redemption_coupons_of", redemption_coupons.c.redemption_id)
