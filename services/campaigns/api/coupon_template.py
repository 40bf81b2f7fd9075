"""Coupon templates, on the wire and inside."""

from __future__ import annotations

from google.type.money_pb2 import Money as WireMoney
from kehu.campaigns.v1 import coupon_templates_pb2 as pb

from kit import names, org
from kit.errors import invalid
from kit.money import Money
from kit.rpc.convert import etag, expected_version, instant, masked_fields, money, wire_instant, wire_money
from services.campaigns.domain.coupon_template import (
    CouponTemplate,
    DaysAfterIssue,
    Limits,
    Returns,
    Terms,
    Validity,
    Window,
    common_currency,
)
from services.campaigns.usecases.coupon_template import Create, Update

# What a caller may change, and what that is called inside.
_MUTABLE = {
    "display_name": "display_name",
    "window": "validity",
    "days_after_issue": "validity",
    "issue_limit": "issue",
    "per_member_limit": "per_member",
    "budget": "budget",
    "org": "org",
    "return_policy": "on_full_refund",
    "return_extension_days": "extension_days",
}
_RETURN, _KEEP = pb.CouponTemplate.RETURN_POLICY_FULL_REFUND, pb.CouponTemplate.RETURN_POLICY_NEVER
_OUTPUT_ONLY = ("name", "issued_count", "committed", "create_time", "update_time", "etag")


def create(request: pb.CreateCouponTemplateRequest) -> Create:
    """Read a request for a new template."""
    wire = request.coupon_template
    validity = _validity(wire)
    if validity is None:
        raise invalid("coupon_template.window", "or days_after_issue must be set")
    part = org.parse(wire.org, field="coupon_template.org")
    return Create(names.new_id(), wire.display_name, _terms(wire), validity, _limits(wire), part, _returns(wire))


def update(request: pb.UpdateCouponTemplateRequest) -> Update:
    """Read a request to change a template."""
    wire = request.coupon_template
    paths = masked_fields(wire, request.update_mask, mutable=tuple(_MUTABLE), output_only=_OUTPUT_ONLY)
    return Update(
        id=names.id_of("couponTemplates", wire.name, field="coupon_template.name"),
        expected=expected_version(wire.etag),
        fields=frozenset(_MUTABLE[path] for path in paths),
        display_name=wire.display_name,
        validity=_validity(wire),
        limits=_limits(wire),
        org=org.parse(wire.org, field="coupon_template.org"),
        returns=_returns(wire),
    )


def render(template: CouponTemplate) -> pb.CouponTemplate:
    """Write a template."""
    terms, limits = template.terms, template.limits
    wire = pb.CouponTemplate(
        name=names.join("couponTemplates", template.id),
        display_name=template.display_name,
        stackable=terms.stackable,
        priority=terms.priority,
        issue_limit=limits.issue,
        per_member_limit=limits.per_member,
        issued_count=template.issued,
        create_time=wire_instant(template.create_time),
        update_time=wire_instant(template.update_time),
        org=template.org,
        return_policy=_RETURN if template.returns.on_full_refund else _KEEP,
        return_extension_days=template.returns.extension_days,
        etag=etag(template.version),
    )
    if terms.minimum_spend:
        wire.minimum_spend.CopyFrom(wire_money(Money(terms.minimum_spend, terms.currency)))
    if limits.budget is not None:
        wire.budget.CopyFrom(wire_money(limits.budget))
        wire.committed.CopyFrom(wire_money(Money(template.committed, terms.currency)))
    _render_discount(wire, terms)
    _render_validity(wire, template.validity)
    return wire


def _terms(wire: pb.CouponTemplate) -> Terms:
    kind = wire.WhichOneof("discount")
    if kind is None:
        raise invalid("coupon_template.percent_off", "or amount_off must be set")
    amounts = {
        "amount_off": _amount(kind == "amount_off", wire.amount_off, "amount_off"),
        "percent_off.max_discount": _amount(
            wire.percent_off.HasField("max_discount"), wire.percent_off.max_discount, "percent_off.max_discount"
        ),
        "minimum_spend": _amount(wire.HasField("minimum_spend"), wire.minimum_spend, "minimum_spend"),
    }
    largest = amounts["amount_off"] if kind == "amount_off" else amounts["percent_off.max_discount"]
    least = amounts["minimum_spend"]
    return Terms(
        basis_points=wire.percent_off.basis_points if kind == "percent_off" else None,
        amount=None if largest is None else largest.minor,
        minimum_spend=0 if least is None else least.minor,
        currency=common_currency(amounts),
        stackable=wire.stackable,
        priority=wire.priority,
    )


def _limits(wire: pb.CouponTemplate) -> Limits:
    return Limits(
        issue=wire.issue_limit if wire.HasField("issue_limit") else None,
        per_member=wire.per_member_limit if wire.HasField("per_member_limit") else None,
        budget=_amount(wire.HasField("budget"), wire.budget, "budget"),
    )


def _returns(wire: pb.CouponTemplate) -> Returns:
    return Returns(on_full_refund=wire.return_policy != _KEEP, extension_days=wire.return_extension_days)


def _validity(wire: pb.CouponTemplate) -> Validity | None:
    match wire.WhichOneof("validity"):
        case "window":
            start = instant(wire.window.start_time, field="coupon_template.window.start_time")
            return Window(start, instant(wire.window.end_time, field="coupon_template.window.end_time"))
        case "days_after_issue":
            return DaysAfterIssue(wire.days_after_issue)
        case _:
            return None


def _amount(given: bool, wire: WireMoney, name: str) -> Money | None:
    return money(wire, field=f"coupon_template.{name}") if given else None


def _render_discount(wire: pb.CouponTemplate, terms: Terms) -> None:
    amount = None if terms.amount is None else wire_money(Money(terms.amount, terms.currency))
    if terms.basis_points is None:
        wire.amount_off.CopyFrom(amount)
    else:
        wire.percent_off.CopyFrom(pb.PercentOff(basis_points=terms.basis_points, max_discount=amount))


def _render_validity(wire: pb.CouponTemplate, validity: Validity) -> None:
    if isinstance(validity, DaysAfterIssue):
        wire.days_after_issue = validity.days
    else:
        window = pb.ValidityWindow(start_time=wire_instant(validity.start), end_time=wire_instant(validity.end))
        wire.window.CopyFrom(window)
