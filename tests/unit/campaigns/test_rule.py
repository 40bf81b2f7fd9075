"""Rules: what they say of a profile, and when that may change."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kit.errors import Fault
from services.campaigns.domain.profile import Profile, Spending
from services.campaigns.domain.rule import (
    DAY,
    MAX_DAYS,
    AllOf,
    AnyOf,
    Comparison,
    Criterion,
    Metric,
    Rule,
    checked,
    criteria,
    matches,
    next_change,
)
from tests.support.builders.campaigns import NOW, asleep_for, bought_at_least

MEMBER = uuid.uuid4()
YES, NO = bought_at_least(0), bought_at_least(1_000_000)

metrics_of_days = st.sampled_from([Metric.RECENCY_DAYS, Metric.TENURE_DAYS])
comparisons = st.sampled_from(Comparison)
time_rules = st.recursive(
    st.builds(Criterion, metrics_of_days, comparisons, st.integers(0, 60)),
    lambda inner: (
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=3))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=5,
)


def profile(*, orders: int = 2, total: int = 3000, ago: timedelta = 10 * DAY) -> Profile:
    bounds = (NOW - ago - DAY, NOW - ago)
    return Profile(MEMBER, {"USD": Spending(MEMBER, "USD", orders, total, bounds if orders else None)})


def holds(metric: Metric, comparison: Comparison, value: int, *, currency: str = "", of: Profile | None = None) -> bool:
    return matches(Criterion(metric, comparison, value, currency), of or profile(), NOW)


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (Comparison.LESS_THAN, [False, False, True]),
        (Comparison.AT_MOST, [False, True, True]),
        (Comparison.EQUAL, [False, True, False]),
        (Comparison.AT_LEAST, [True, True, False]),
        (Comparison.MORE_THAN, [True, False, False]),
    ],
)
def test_comparisons_at_their_boundaries(comparison: Comparison, expected: list[bool]) -> None:
    assert [holds(Metric.ORDER_COUNT, comparison, value) for value in (1, 2, 3)] == expected
    assert [holds(Metric.RECENCY_DAYS, comparison, value) for value in (9, 10, 11)] == expected
    assert [holds(Metric.TENURE_DAYS, comparison, value) for value in (10, 11, 12)] == expected
    assert [holds(Metric.TOTAL_SPENT, comparison, value, currency="USD") for value in (2999, 3000, 3001)] == expected
    assert [holds(Metric.AVERAGE_ORDER, comparison, value, currency="USD") for value in (1499, 1500, 1501)] == expected


def test_a_day_is_full_only_after_24_hours() -> None:
    almost = profile(ago=10 * DAY - timedelta(microseconds=1))
    assert not holds(Metric.RECENCY_DAYS, Comparison.AT_LEAST, 10, of=almost)
    assert holds(Metric.RECENCY_DAYS, Comparison.AT_LEAST, 9, of=almost)


def test_a_purchase_dated_ahead_is_of_today() -> None:
    assert holds(Metric.RECENCY_DAYS, Comparison.EQUAL, 0, of=profile(ago=-3 * DAY))


def test_an_average_is_compared_without_rounding() -> None:
    thirds = profile(orders=3, total=1000)
    assert holds(Metric.AVERAGE_ORDER, Comparison.MORE_THAN, 333, currency="USD", of=thirds)
    assert holds(Metric.AVERAGE_ORDER, Comparison.LESS_THAN, 334, currency="USD", of=thirds)
    assert not holds(Metric.AVERAGE_ORDER, Comparison.EQUAL, 333, currency="USD", of=thirds)


@pytest.mark.parametrize("comparison", Comparison)
def test_a_metric_that_a_member_has_not_satisfies_nothing(comparison: Comparison) -> None:
    refunded = profile(orders=0, total=0)
    assert not holds(Metric.RECENCY_DAYS, comparison, 0, of=refunded)
    assert not holds(Metric.TENURE_DAYS, comparison, 0, of=refunded)
    assert not holds(Metric.AVERAGE_ORDER, comparison, 0, currency="USD", of=refunded)
    assert not holds(Metric.AVERAGE_ORDER, comparison, 0, currency="EUR")


def test_nothing_spent_in_a_currency_is_zero() -> None:
    assert holds(Metric.TOTAL_SPENT, Comparison.EQUAL, 0, currency="EUR")


def test_groups_say_all_or_any() -> None:
    assert matches(AllOf((YES, YES)), profile(), NOW)
    assert not matches(AllOf((YES, NO)), profile(), NOW)
    assert matches(AnyOf((NO, YES)), profile(), NOW)
    assert not matches(AnyOf((NO, NO)), profile(), NOW)


def test_a_rule_without_days_never_changes_by_itself() -> None:
    assert next_change(AllOf((YES, NO)), profile(), NOW) is None
    assert next_change(asleep_for(30), profile(orders=0), NOW) is None


def test_a_sleeper_is_judged_again_when_the_day_is_full() -> None:
    assert next_change(asleep_for(30), profile(), NOW) == NOW + 20 * DAY


@given(time_rules, st.integers(0, 70 * 24), st.integers(1, 70 * 24))
def test_between_now_and_the_next_change_the_answer_stays(rule: Rule, ago: int, ahead: int) -> None:
    member = profile(ago=timedelta(hours=ago))
    change = next_change(rule, member, NOW)
    later = NOW + timedelta(hours=ahead)
    assume(change is None or later < change)
    assert matches(rule, member, later) == matches(rule, member, NOW)


def test_a_rule_nests_up_to_five_deep() -> None:
    rule: Rule = YES
    for _ in range(4):
        rule = AllOf((rule,))
    assert checked(rule) is rule
    with pytest.raises(Fault) as caught:
        checked(AnyOf((rule,)))
    assert caught.value.reason == "RULE_TOO_LARGE"


def test_a_rule_has_up_to_fifty_criteria() -> None:
    assert len(list(criteria(checked(AllOf((YES,) * 50))))) == 50
    with pytest.raises(Fault) as caught:
        checked(AllOf((YES,) * 51))
    assert caught.value.reason == "RULE_TOO_LARGE"


@pytest.mark.parametrize(
    ("criterion", "field"),
    [
        (Criterion(Metric.TOTAL_SPENT, Comparison.EQUAL, 1), "rule.criterion.amount"),
        (Criterion(Metric.ORDER_COUNT, Comparison.EQUAL, 1, "USD"), "rule.criterion.number"),
        (Criterion(Metric.RECENCY_DAYS, Comparison.EQUAL, MAX_DAYS + 1), "rule.criterion.number"),
    ],
)
def test_a_value_that_does_not_fit_its_metric_is_refused(criterion: Criterion, field: str) -> None:
    with pytest.raises(Fault) as caught:
        checked(AllOf((YES, criterion)))
    assert caught.value.violations[0].field == field
