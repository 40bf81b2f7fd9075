"""What coupons are made from: what they take off, when they are valid, and how many there may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from kit.errors import invalid
from kit.money import Money
from services.campaigns.domain import errors
from services.campaigns.domain.coupon import Coupon
from services.campaigns.domain.events import CouponIssued

_WHOLE = 10_000  # basis points


@dataclass(frozen=True, slots=True)
class Terms:
    """What a coupon takes off an order, and on what condition. Amounts are minor units of `currency`.

    With `basis_points` it is that share of the order, at most `amount`; without, it is `amount`. A percentage without
    any amount has no currency and fits every order.
    """

    basis_points: int | None
    amount: int | None
    minimum_spend: int
    currency: str
    stackable: bool
    priority: int

    def discount(self, base: int) -> int:
        """What it takes off `base`, half a minor unit rounded up; never more than `base`."""
        most = base if self.amount is None else min(self.amount, base)
        if self.basis_points is None:
            return most
        return min((base * self.basis_points + _WHOLE // 2) // _WHOLE, most)


@dataclass(frozen=True, slots=True)
class Window:
    """The same period for all coupons, half-open."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class DaysAfterIssue:
    """So many times 24 hours from the coupon's issue on."""

    days: int


Validity = Window | DaysAfterIssue


@dataclass(frozen=True, slots=True)
class Returns:
    """Whether a used coupon comes back once all of its order is refunded, and for how many times 24 hours it is valid
    then at least; 0: its validity stays as it was."""

    on_full_refund: bool = True
    extension_days: int = 0

    @property
    def extension(self) -> timedelta:
        """How long it is valid from its return on, at least."""
        return timedelta(days=self.extension_days)


USUAL_RETURNS = Returns()
"""They come back, and no longer valid than before."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be; None is no limit."""

    issue: int | None = None
    per_member: int | None = None
    budget: Money | None = None


@dataclass(frozen=True, slots=True)
class CouponTemplate:
    """A template with its counters.

    `issued` counts the coupons that are not void. Each of them commits the largest discount that it can give, until it
    expires: `expired` counts those. With its coupons it belongs to `org`, a part of the organisation, or to all of it.
    """

    id: UUID
    display_name: str
    terms: Terms
    validity: Validity
    limits: Limits
    create_time: datetime
    update_time: datetime
    issued: int = 0
    expired: int = 0
    version: int = 1
    org: str = ""
    returns: Returns = USUAL_RETURNS

    @property
    def committed(self) -> int:
        """What the coupons may still take off or took off, at most; zero when their discount is unlimited."""
        return (self.issued - self.expired) * (self.terms.amount or 0)

    @property
    def over_budget(self) -> bool:
        """Whether more is committed than the budget allows."""
        return self.limits.budget is not None and self.committed > self.limits.budget.minor

    def checked(self) -> CouponTemplate:
        """Itself, when its parts fit together. Raises a Fault that names the field."""
        if not self.display_name.strip():
            raise invalid("coupon_template.display_name", "must not be empty")
        if self.terms.amount == 0:
            field = "amount_off" if self.terms.basis_points is None else "percent_off.max_discount"
            raise invalid(f"coupon_template.{field}", "must be more than zero")
        if isinstance(self.validity, Window) and self.validity.start >= self.validity.end:
            raise invalid("coupon_template.window.end_time", "must be later than start_time")
        if self.limits.budget is not None:
            self._check_budget(self.limits.budget)
        return self

    def changed(
        self, *, display_name: str, validity: Validity, limits: Limits, org: str, returns: Returns, now: datetime
    ) -> CouponTemplate:
        """With new values. Raises a Fault when they do not fit, or a limit is below what is issued already."""
        if limits.issue is not None and limits.issue < self.issued:
            raise errors.limit_below_issued("coupon_template.issue_limit", str(self.issued))
        template = replace(self, display_name=display_name, validity=validity, limits=limits, org=org, returns=returns)
        changed = replace(template, update_time=now, version=self.version + 1).checked()
        if changed.over_budget:
            committed = str(Money(self.committed, self.terms.currency))
            raise errors.limit_below_issued("coupon_template.budget", committed)
        return changed

    def issue(
        self, *, coupon: UUID, member: UUID, cause: str, held: int, now: datetime
    ) -> tuple[CouponTemplate, Coupon, CouponIssued]:
        """Issue a coupon to a member who already holds `held` of this template. Raises a Fault at a limit."""
        start, end = self._period(now)
        if end <= now:
            raise errors.template_ended(self.id, end)
        if self.limits.per_member is not None and held >= self.limits.per_member:
            raise errors.member_limit_reached(self.id, self.limits.per_member)
        if self.limits.issue is not None and self.issued >= self.limits.issue:
            raise errors.issue_limit_reached(self.id, self.limits.issue)
        after = replace(self, issued=self.issued + 1)
        if after.over_budget:
            raise errors.budget_exhausted(self.id)
        issued = Coupon(coupon, self.id, member, cause, issue_time=now, start_time=start, expire_time=end)
        fact = CouponIssued(coupon, self.id, member, cause, time=now, expire_time=end, version=issued.version)
        return after, issued, fact

    def _check_budget(self, budget: Money) -> None:
        if self.terms.amount is None:
            raise errors.budget_needs_max_discount()
        if budget.minor < 0:
            raise invalid("coupon_template.budget", "must not be negative")
        if budget.currency != self.terms.currency:
            raise invalid("coupon_template.budget.currency_code", f"must be {self.terms.currency}")

    def _period(self, now: datetime) -> tuple[datetime, datetime]:
        if isinstance(self.validity, Window):
            return self.validity.start, self.validity.end
        return now, now + timedelta(days=self.validity.days)


def common_currency(amounts: dict[str, Money | None]) -> str:
    """The one currency of a template's amounts, by field; empty without any. Raises a Fault for an amount that is
    negative or in another currency."""
    currency = ""
    for field, amount in amounts.items():
        if amount is None:
            continue
        if amount.minor < 0:
            raise invalid(f"coupon_template.{field}", "must not be negative")
        currency = currency or amount.currency
        if amount.currency != currency:
            raise invalid(f"coupon_template.{field}.currency_code", f"must be {currency}, as in the other amounts")
    return currency
