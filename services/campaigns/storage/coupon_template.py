"""Coupon templates as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, insert, select, text, update

from kit import errors
from kit.money import Money
from kit.org import condition
from kit.page import Page
from services.campaigns.domain.coupon_template import CouponTemplate, DaysAfterIssue, Limits, Returns, Terms, Window
from services.campaigns.storage.query import newest_first, one_of
from services.campaigns.storage.tables import coupon_templates as table

# The domain has checked the limits under the row's lock; the conditions make sure that nothing else ever passes them.
_COUNT = text("""
    update coupon_templates t set issued_count = t.issued_count + u.issued, expired_count = t.expired_count + u.expired
    from unnest(cast(:ids as uuid[]), cast(:issued as bigint[]), cast(:expired as bigint[])) as u (id, issued, expired)
    where t.id = u.id
      and (u.issued <= 0 or t.issued_count + u.issued <= coalesce(t.issue_limit, t.issued_count + u.issued))
      and (u.issued <= 0 or t.budget is null
           or t.issued_count + u.issued - t.expired_count - u.expired <= t.budget / t.amount)
""")

_LEFT = text("""
    select currency, cast(sum(greatest(0, budget - (issued_count - expired_count) * cast(amount as numeric))) as bigint)
    from coupon_templates
    where budget is not null and (end_time is null or end_time > cast(:now as timestamptz))
    group by currency
""")


class CouponTemplates:
    """The stored coupon templates."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, template: CouponTemplate) -> None:
        """Store a new template."""
        self._connection.execute(insert(table), [_row(template)])

    def save(self, template: CouponTemplate) -> None:
        """Store a changed template, all but its counters."""
        row = _row(template)
        kept = {"id", "issued_count", "expired_count", "create_time"}
        changed = {name: value for name, value in row.items() if name not in kept}
        self._connection.execute(update(table).where(table.c.id == template.id).values(changed))

    def find(self, template: UUID) -> CouponTemplate | None:
        """A template, if there is one."""
        return self.find_all([template]).get(template)

    def find_all(self, templates: Collection[UUID]) -> dict[UUID, CouponTemplate]:
        """The templates that exist, by id."""
        rows = self._connection.execute(select(table).where(one_of(table.c.id, templates))).mappings()
        return {row["id"]: _template(row) for row in rows}

    def lock(self, templates: Collection[UUID]) -> dict[UUID, CouponTemplate]:
        """As `find_all`, and nobody else counts them until the transaction ends. Locked in sorted order."""
        query = select(table).where(one_of(table.c.id, templates)).order_by(table.c.id).with_for_update(key_share=True)
        return {row["id"]: _template(row) for row in self._connection.execute(query).mappings()}

    def page(self, page: Page, *, org: str = "") -> list[CouponTemplate]:
        """A page of templates, newest first; of a part of the organisation, if given."""
        query = newest_first(select(table), table.c.id, page)
        if org:
            query = query.where(text(condition("coupon_templates.org")).bindparams(org=org))
        return [_template(row) for row in self._connection.execute(query).mappings()]

    def budgets(self, now: datetime) -> dict[str, int]:
        """What is left of the budgets of templates that can still be issued, in minor units by currency."""
        return {row[0]: row[1] for row in self._connection.execute(_LEFT, {"now": now})}

    def count(self, issued: Mapping[UUID, int], expired: Mapping[UUID, int]) -> None:
        """Add to the counters of locked templates. Raises a Fault when that would pass a limit."""
        ids = sorted({*issued, *expired})
        if not ids:
            return
        columns = {
            "ids": ids,
            "issued": [issued.get(template, 0) for template in ids],
            "expired": [expired.get(template, 0) for template in ids],
        }
        if self._connection.execute(_COUNT, columns).rowcount != len(ids):
            raise errors.conflict()


def _row(template: CouponTemplate) -> dict[str, Any]:
    terms, limits, validity = template.terms, template.limits, template.validity
    window = validity if isinstance(validity, Window) else None
    return {
        "id": template.id,
        "display_name": template.display_name,
        "basis_points": terms.basis_points,
        "amount": terms.amount,
        "minimum_spend": terms.minimum_spend,
        "currency": terms.currency,
        "stackable": terms.stackable,
        "priority": terms.priority,
        "start_time": window.start if window else None,
        "end_time": window.end if window else None,
        "days_after_issue": validity.days if isinstance(validity, DaysAfterIssue) else None,
        "issue_limit": limits.issue,
        "per_member_limit": limits.per_member,
        "budget": None if limits.budget is None else limits.budget.minor,
        "issued_count": template.issued,
        "expired_count": template.expired,
        "version": template.version,
        "create_time": template.create_time,
        "update_time": template.update_time,
        "org": template.org,
        "return_on_full_refund": template.returns.on_full_refund,
        "return_extension_days": template.returns.extension_days,
    }


def _template(row: RowMapping) -> CouponTemplate:
    days, budget = row["days_after_issue"], row["budget"]
    budget = None if budget is None else Money(budget, row["currency"])
    return CouponTemplate(
        id=row["id"],
        display_name=row["display_name"],
        terms=terms_of(row),
        validity=Window(row["start_time"], row["end_time"]) if days is None else DaysAfterIssue(days),
        limits=Limits(row["issue_limit"], row["per_member_limit"], budget),
        create_time=row["create_time"],
        update_time=row["update_time"],
        issued=row["issued_count"],
        expired=row["expired_count"],
        version=row["version"],
        org=row["org"],
        returns=Returns(row["return_on_full_refund"], row["return_extension_days"]),
    )


def terms_of(row: RowMapping) -> Terms:
    """The terms in a row that has the columns of a template."""
    return Terms(
        basis_points=row["basis_points"],
        amount=row["amount"],
        minimum_spend=row["minimum_spend"],
        currency=row["currency"],
        stackable=row["stackable"],
        priority=row["priority"],
    )
