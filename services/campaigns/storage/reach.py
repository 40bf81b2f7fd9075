"""What is within a part of the organisation, of the things that a request names."""

from __future__ import annotations

from sqlalchemy import text

from kit.org import condition

# ruff: noqa: S608 - the statements are put together from constants only
INSIDE = {
    "couponTemplates": text(f"""
        select t.id from coupon_templates t where t.id = any(cast(:ids as uuid[])) and {condition("t.org")}
    """),
    "coupons": text(f"""
        select c.id from coupons c join coupon_templates t on t.id = c.template_id
        where c.id = any(cast(:ids as uuid[])) and {condition("t.org")}
    """),
}
