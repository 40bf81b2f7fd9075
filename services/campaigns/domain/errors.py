"""Why campaigns refuse: one constructor per reason of `kehu.campaigns.v1.ErrorReason`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from kit import names
from kit.errors import Fault, Kind, Violation


def coupon_template_not_found(template: UUID) -> Fault:
    """No such coupon template."""
    return _not_found("COUPON_TEMPLATE_NOT_FOUND", names.join("couponTemplates", template))


def coupon_not_found(coupon: UUID) -> Fault:
    """No such coupon."""
    return _not_found("COUPON_NOT_FOUND", names.join("coupons", coupon))


def segment_not_found(segment: UUID) -> Fault:
    """No such segment."""
    return _not_found("SEGMENT_NOT_FOUND", names.join("segments", segment))


def automation_not_found(automation: UUID) -> Fault:
    """No such automation."""
    return _not_found("AUTOMATION_NOT_FOUND", names.join("automations", automation))


def profile_not_found(member: UUID) -> Fault:
    """The member has never bought anything."""
    return _not_found("PROFILE_NOT_FOUND", names.join("profiles", member))


def issue_limit_reached(template: UUID, limit: int) -> Fault:
    """The template has issued all its coupons."""
    name = names.join("couponTemplates", template)
    message = f"{name} has issued all its {limit} coupons"
    metadata = {"coupon_template": name, "limit": str(limit)}
    return Fault(Kind.FAILED_PRECONDITION, "ISSUE_LIMIT_REACHED", message, metadata=metadata)


def member_limit_reached(template: UUID, limit: int) -> Fault:
    """The member has as many coupons of the template as one member may get."""
    name = names.join("couponTemplates", template)
    message = f"the member already has {limit} coupons of {name}, as many as one member may get"
    metadata = {"coupon_template": name, "limit": str(limit)}
    return Fault(Kind.FAILED_PRECONDITION, "MEMBER_LIMIT_REACHED", message, metadata=metadata)


def budget_exhausted(template: UUID) -> Fault:
    """Another coupon of the template could make the discounts exceed its budget."""
    name = names.join("couponTemplates", template)
    message = f"the budget of {name} does not allow another coupon"
    return Fault(Kind.FAILED_PRECONDITION, "BUDGET_EXHAUSTED", message, metadata={"coupon_template": name})


def template_ended(template: UUID, end: datetime) -> Fault:
    """A coupon from the template could never be used."""
    name = names.join("couponTemplates", template)
    metadata = {"coupon_template": name, "end_time": end.isoformat()}
    return Fault(Kind.FAILED_PRECONDITION, "TEMPLATE_ENDED", f"{name} ended at {end.isoformat()}", metadata=metadata)


def coupon_of_another_member(coupon: UUID) -> Fault:
    """The coupon belongs to somebody else; whose it is stays untold."""
    return _refused("COUPON_OF_ANOTHER_MEMBER", coupon, "belongs to another member")


def coupon_not_yet_valid(coupon: UUID) -> Fault:
    """The coupon's validity has not begun."""
    return _refused("COUPON_NOT_YET_VALID", coupon, "is not valid yet")


def coupon_expired(coupon: UUID) -> Fault:
    """The coupon's validity is over."""
    return _refused("COUPON_EXPIRED", coupon, "has expired")


def coupon_locked(coupon: UUID) -> Fault:
    """Another order holds the coupon."""
    return _refused("COUPON_LOCKED", coupon, "is locked for an order")


def coupon_used(coupon: UUID) -> Fault:
    """An order used the coupon up."""
    return _refused("COUPON_USED", coupon, "was used by an order")


def coupon_returned(coupon: UUID, order: UUID) -> Fault:
    """All of the order was refunded, so it gave its coupons back for good."""
    return _refused("COUPON_RETURNED", coupon, "came back from the order", order=names.join("orders", order))


def member_erased(member: UUID) -> Fault:
    """The member was erased and gets no coupons any more."""
    name = names.join("members", member)
    return Fault(Kind.FAILED_PRECONDITION, "MEMBER_ERASED", f"{name} was erased", metadata={"member": name})


def coupon_void(coupon: UUID) -> Fault:
    """The coupon was taken back."""
    return _refused("COUPON_VOID", coupon, "is void")


def coupon_currency_mismatch(coupon: UUID, currency: str) -> Fault:
    """The coupon's amounts are in another currency than the order's."""
    return _refused("COUPON_CURRENCY_MISMATCH", coupon, f"is for {currency}", currency=currency)


def minimum_spend_not_reached(coupon: UUID, minimum: str) -> Fault:
    """The order is too small for the coupon; `minimum` is the amount with its currency."""
    return _refused("MINIMUM_SPEND_NOT_REACHED", coupon, f"needs a spend of {minimum}", minimum_spend=minimum)


def coupon_not_stackable(coupon: UUID) -> Fault:
    """The coupon can't be combined with one that was accepted before."""
    return _refused("COUPON_NOT_STACKABLE", coupon, "can't be combined with the order's other coupons")


def coupon_without_effect(coupon: UUID) -> Fault:
    """Nothing is left that the coupon could take off."""
    return _refused("COUPON_WITHOUT_EFFECT", coupon, "takes nothing off this order")


def limit_below_issued(field: str, issued: str) -> Fault:
    """A new limit or budget is less than what is out already; `issued` says how much that is."""
    description = f"must not be below {issued}, which is issued already"
    return Fault(
        Kind.FAILED_PRECONDITION,
        "LIMIT_BELOW_ISSUED",
        f"{field}: {description}",
        metadata={"field": field, "issued": issued},
        violations=[Violation(field, description)],
    )


def budget_needs_max_discount() -> Fault:
    """A percentage without a largest discount can't be kept within a budget."""
    return _invalid("BUDGET_NEEDS_MAX_DISCOUNT", "percent_off.max_discount", "must be set for a template with a budget")


def order_too_large() -> Fault:
    """The lines are worth more than an order may be."""
    return _invalid("ORDER_TOO_LARGE", "lines", "add up to more than an order may be worth")


def rule_too_large(what: str) -> Fault:
    """The rule is nested too deep or has too many criteria; `what` says which and how many are allowed."""
    return _invalid("RULE_TOO_LARGE", "rule", what)


def _not_found(reason: str, name: str) -> Fault:
    return Fault(Kind.NOT_FOUND, reason, f"{name} does not exist", metadata={"name": name})


def _refused(reason: str, coupon: UUID, why: str, **metadata: str) -> Fault:
    name = names.join("coupons", coupon)
    return Fault(Kind.FAILED_PRECONDITION, reason, f"{name} {why}", metadata={"coupon": name, **metadata})


def _invalid(reason: str, field: str, description: str) -> Fault:
    return Fault(Kind.INVALID_ARGUMENT, reason, f"{field}: {description}", violations=[Violation(field, description)])
