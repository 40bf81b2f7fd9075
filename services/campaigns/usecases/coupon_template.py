"""Create, read and change coupon templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kit import names
from kit.errors import invalid
from kit.page import Page
from services.campaigns.domain import errors
from services.campaigns.domain.coupon_template import USUAL_RETURNS, CouponTemplate, Limits, Returns, Terms, Validity
from services.campaigns.usecases import etag
from services.campaigns.usecases.ports import Work


@dataclass(frozen=True, slots=True)
class Create:
    """A new template; `id` is chosen by the edge."""

    id: UUID
    display_name: str
    terms: Terms
    validity: Validity
    limits: Limits
    org: str = ""
    returns: Returns = USUAL_RETURNS


@dataclass(frozen=True, slots=True)
class Update:
    """New values for the `fields` of a template; of `limits` and `returns`, their fields are named alone."""

    id: UUID
    expected: int | None
    fields: frozenset[str]
    display_name: str
    validity: Validity | None
    limits: Limits
    org: str = ""
    returns: Returns = USUAL_RETURNS


def create(unit: Work, command: Create) -> CouponTemplate:
    """Create a template. Raises a Fault when its parts do not fit together."""
    template = CouponTemplate(
        command.id,
        command.display_name,
        command.terms,
        command.validity,
        command.limits,
        unit.now,
        unit.now,
        org=command.org,
        returns=command.returns,
    ).checked()
    unit.templates.add(template)
    return template


def get(unit: Work, template: UUID) -> CouponTemplate:
    """A template. Raises a Fault when there is none."""
    found = unit.templates.find(template)
    if found is None:
        raise errors.coupon_template_not_found(template)
    return found


def page(unit: Work, wanted: Page, *, org: str = "") -> Sequence[CouponTemplate]:
    """A page of templates, newest first; of a part of the organisation, if given."""
    return unit.templates.page(wanted, org=org)


def update(unit: Work, command: Update) -> CouponTemplate:
    """Change a template. Raises a Fault when there is none, it has changed, or the values do not fit."""
    found = unit.templates.lock([command.id]).get(command.id)
    if found is None:
        raise errors.coupon_template_not_found(command.id)
    etag.check(command.expected, found.version, names.join("couponTemplates", found.id))
    changed = found.changed(
        display_name=command.display_name if "display_name" in command.fields else found.display_name,
        validity=_validity(command, found),
        limits=_limits(command, found),
        org=command.org if "org" in command.fields else found.org,
        returns=_returns(command, found),
        now=unit.now,
    )
    unit.templates.save(changed)
    return changed


def budgets(unit: Work) -> dict[str, int]:
    """What is left of the budgets of templates that can still be issued, in minor units by currency."""
    return unit.templates.budgets(unit.now)


def _validity(command: Update, found: CouponTemplate) -> Validity:
    if "validity" not in command.fields:
        return found.validity
    if command.validity is None:
        raise invalid("coupon_template.window", "or days_after_issue must be set")
    return command.validity


def _returns(command: Update, found: CouponTemplate) -> Returns:
    named = {"on_full_refund", "extension_days"} & command.fields
    return replace(found.returns, **{name: getattr(command.returns, name) for name in named})


def _limits(command: Update, found: CouponTemplate) -> Limits:
    named = {"issue", "per_member", "budget"} & command.fields
    return replace(found.limits, **{name: getattr(command.limits, name) for name in named})
