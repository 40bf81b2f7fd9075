"""What coupons are worth, and how many there may be."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from services.campaigns.domain.coupon_template import CouponTemplate, DaysAfterIssue, Limits, Window, common_currency
from tests.support.builders.campaigns import DAY, NOW, template, terms

BUDGET = Money(1200, "USD")


def issue(source: CouponTemplate, *, held: int = 0) -> CouponTemplate:
    return source.issue(coupon=uuid.uuid4(), member=uuid.uuid4(), cause="", held=held, now=NOW)[0]


def issued_until_refused(source: CouponTemplate) -> tuple[int, str]:
    for count in range(100):
        try:
            source = issue(source)
        except Fault as fault:
            return count, fault.reason
    raise AssertionError("no limit")


def refusal(source: CouponTemplate) -> tuple[str, str]:
    with pytest.raises(Fault) as caught:
        source.checked()
    return caught.value.reason, caught.value.violations[0].field


def test_an_amount_is_taken_off_but_never_more_than_there_is() -> None:
    assert [terms(amount=500).discount(base) for base in (0, 499, 500, 501)] == [0, 499, 500, 500]


@pytest.mark.parametrize(
    ("base", "basis_points", "discount"),
    [(1000, 1500, 150), (1, 5000, 1), (1, 4999, 0), (333, 3333, 111), (999, 10000, 999), (100, 1, 0), (50, 100, 1)],
)
def test_a_percentage_is_rounded_half_up(base: int, basis_points: int, discount: int) -> None:
    assert terms(basis_points=basis_points, amount=None).discount(base) == discount


@given(st.integers(0, 10**15), st.integers(1, 10_000), st.none() | st.integers(1, 10**15))
def test_no_discount_exceeds_the_order_or_the_cap(base: int, basis_points: int, cap: int | None) -> None:
    discount = terms(basis_points=basis_points, amount=cap).discount(base)
    assert 0 <= discount <= min(base, base if cap is None else cap)


def test_a_coupon_is_valid_from_its_issue_on_or_within_the_window() -> None:
    _, rolling, _ = template(validity=DaysAfterIssue(3)).issue(
        coupon=uuid.uuid4(), member=uuid.uuid4(), cause="", held=0, now=NOW
    )
    assert (rolling.start_time, rolling.expire_time) == (NOW, NOW + 3 * DAY)
    window = Window(NOW + DAY, NOW + 2 * DAY)
    _, fixed, _ = template(validity=window).issue(coupon=uuid.uuid4(), member=uuid.uuid4(), cause="", held=0, now=NOW)
    assert (fixed.start_time, fixed.expire_time) == (window.start, window.end)


def test_nothing_is_issued_once_the_window_is_over() -> None:
    over = template(validity=Window(NOW - DAY, NOW))
    with pytest.raises(Fault, match="ended"):
        issue(over)


def test_a_template_issues_up_to_its_limit() -> None:
    assert issued_until_refused(template(limits=Limits(issue=3))) == (3, "ISSUE_LIMIT_REACHED")


def test_a_member_gets_up_to_their_limit() -> None:
    limited = template(limits=Limits(per_member=2))
    assert issue(limited, held=1).issued == 1
    with pytest.raises(Fault) as caught:
        issue(limited, held=2)
    assert caught.value.reason == "MEMBER_LIMIT_REACHED"


def test_the_largest_discounts_never_exceed_the_budget() -> None:
    amount = template(terms=terms(amount=500), limits=Limits(budget=BUDGET))
    percent = template(terms=terms(basis_points=1000, amount=400), limits=Limits(budget=BUDGET))
    assert issued_until_refused(amount) == (2, "BUDGET_EXHAUSTED")
    assert issued_until_refused(percent) == (3, "BUDGET_EXHAUSTED")


def test_an_expired_coupon_gives_its_share_of_the_budget_back() -> None:
    spent = template(terms=terms(amount=500), limits=Limits(budget=BUDGET), issued=2, expired=1)
    assert spent.committed == 500
    assert issued_until_refused(spent) == (1, "BUDGET_EXHAUSTED")


@pytest.mark.parametrize(
    ("source", "reason", "field"),
    [
        (template(display_name=" "), "REQUEST_INVALID", "coupon_template.display_name"),
        (template(terms=terms(amount=0)), "REQUEST_INVALID", "coupon_template.amount_off"),
        (
            template(terms=terms(basis_points=10, amount=0)),
            "REQUEST_INVALID",
            "coupon_template.percent_off.max_discount",
        ),
        (template(validity=Window(NOW, NOW)), "REQUEST_INVALID", "coupon_template.window.end_time"),
        (
            template(terms=terms(basis_points=10, amount=None), limits=Limits(budget=BUDGET)),
            "BUDGET_NEEDS_MAX_DISCOUNT",
            "percent_off.max_discount",
        ),
        (template(limits=Limits(budget=Money(-1, "USD"))), "REQUEST_INVALID", "coupon_template.budget"),
        (template(limits=Limits(budget=Money(1, "EUR"))), "REQUEST_INVALID", "coupon_template.budget.currency_code"),
    ],
)
def test_parts_that_do_not_fit_are_refused(source: CouponTemplate, reason: str, field: str) -> None:
    assert refusal(source) == (reason, field)


def change(source: CouponTemplate, **changes: Any) -> CouponTemplate:
    kept = {
        "display_name": source.display_name,
        "validity": source.validity,
        "limits": source.limits,
        "org": source.org,
        "returns": source.returns,
    }
    return source.changed(**{**kept, **changes}, now=NOW + DAY)


def test_a_change_shows_in_version_and_time() -> None:
    changed = change(template(), display_name="New")
    assert (changed.display_name, changed.version, changed.update_time) == ("New", 2, NOW + DAY)


@pytest.mark.parametrize("limits", [Limits(issue=1), Limits(budget=Money(999, "USD"))])
def test_no_limit_goes_below_what_is_issued(limits: Limits) -> None:
    with pytest.raises(Fault) as caught:
        change(template(terms=terms(amount=500), issued=2), limits=limits)
    assert caught.value.reason == "LIMIT_BELOW_ISSUED"


def test_a_limit_may_be_set_to_what_is_issued() -> None:
    limits = Limits(issue=2, budget=Money(1000, "USD"))
    assert change(template(terms=terms(amount=500), issued=2), limits=limits).limits == limits


def test_all_amounts_are_in_one_currency() -> None:
    usd, eur = Money(1, "USD"), Money(1, "EUR")
    assert common_currency({"amount_off": usd, "minimum_spend": None}) == "USD"
    assert common_currency({"amount_off": None}) == ""
    with pytest.raises(Fault, match="minimum_spend"):
        common_currency({"amount_off": usd, "minimum_spend": eur})
    with pytest.raises(Fault, match="negative"):
        common_currency({"amount_off": Money(-1, "USD")})
