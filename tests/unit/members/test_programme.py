"""The programme: earning, worth, and rules that fit together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from services.members.domain.programme import Programme, Rate, Tier, in_force
from services.members.domain.tier_scheme import Metric, TierScheme
from services.members.domain.validity import Expiry, Validity
from tests.support.builders.members import NOW, dollars, programme
from tests.support.builders.rules import bonus


@pytest.mark.parametrize(("cents", "points"), [(0, 0), (99, 0), (100, 1), (199, 1), (1177, 11), (-50, 0)])
def test_every_whole_dollar_earns_a_point(cents: int, points: int) -> None:
    assert programme().earned(Money(max(cents, 0), "USD")) == points


def test_only_whole_amounts_of_the_rate_earn() -> None:
    assert programme(earn=Rate(3, dollars(2))).earned(Money(399, "USD")) == 3


def test_another_currency_earns_nothing() -> None:
    assert programme().earned(Money(100_000, "EUR")) == 0


def test_more_points_than_a_posting_may_move_are_refused() -> None:
    with pytest.raises(Fault) as refusal:
        programme(earn=Rate(10_000, Money(1, "USD"))).earned(Money(10**14, "USD"))
    assert refusal.value.reason == "POINTS_OUT_OF_RANGE"
    assert not refusal.value.transient


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_refund_in_any_parts_gives_back_exactly_what_was_earned(paid: int, refunded: int) -> None:
    rules = programme(earn=Rate(7, Money(30, "USD")))
    left = max(0, paid - refunded)
    first, second = rules.earned(Money(paid, "USD")), rules.earned(Money(left, "USD"))
    assert (first - second) + (second - rules.earned(Money(0, "USD"))) == first


def test_points_are_worth_whole_minor_units_rounded_down() -> None:
    assert programme().worth(150) == Money(150, "USD")
    assert programme(redeem=Rate(3, Money(1, "USD"))).worth(8) == Money(2, "USD")


def test_equal_rules_make_no_new_version() -> None:
    rules = programme()
    assert rules.changed(replace(rules, version=9, update_time=NOW + timedelta(days=1)), NOW) is rules


def test_other_rules_make_the_next_version() -> None:
    changed = programme().changed(programme(tiers={"gold": 1}), NOW + timedelta(days=1))
    assert (changed.version, changed.update_time, changed.tiers) == (
        2,
        NOW + timedelta(days=1),
        (Tier("gold", dollars(1)),),
    )


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"earn": Rate(1, dollars(0))}, "earn.amount"),
        ({"earn": Rate(1, dollars(-1))}, "earn.amount"),
        ({"redeem": Rate(100, Money(100, "CNY"))}, "redeem.amount"),
        ({"redeem": Rate(1, Money(10**6, "USD"))}, "redeem"),
        ({"window": timedelta(days=1, hours=1)}, "tier_window"),
        ({"tiers": (Tier("base", dollars(1)),)}, "tiers[0].id"),
        ({"tiers": (Tier("gold", dollars(1)), Tier("gold", dollars(2)))}, "tiers[1].id"),
        ({"tiers": (Tier("silver", dollars(2)), Tier("gold", dollars(2)))}, "tiers[1].threshold"),
        ({"tiers": (Tier("silver", Money(1, "EUR")),)}, "tiers[0].threshold"),
        ({"tiers": (Tier("silver", dollars(0)),)}, "tiers[0].threshold"),
        ({"earn": Rate(0, dollars(1))}, "earn.points"),
        ({"validity": Validity(Expiry.DAYS, 36_501)}, "validity.count"),
        ({"validity": Validity(Expiry.END_OF_MONTH, 1_201)}, "validity.count"),
        ({"validity": Validity(Expiry.END_OF_YEAR, 101)}, "validity.count"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(rules: dict[str, Any], field: str) -> None:
    current: Programme = programme()
    with pytest.raises(Fault) as refusal:
        current.changed(replace(current, **rules), NOW)
    assert refusal.value.reason == "PROGRAMME_INVALID"
    assert refusal.value.violations[0].field == f"programme.{field}"


@pytest.mark.parametrize("condition", ["member.tier == 'gold'", "order.net > 0 && member\n . tier != 'base'"])
def test_tiers_by_points_earned_are_no_condition_of_what_is_earned(condition: str) -> None:
    rules = (bonus(5), bonus(7, condition=condition))
    current: Programme = programme()
    current.changed(replace(current, rules=rules), NOW)
    earned = TierScheme(metric=Metric.EARNED)
    with pytest.raises(Fault) as refusal:
        current.changed(replace(current, rules=rules, scheme=earned, tiers=(Tier("gold", 100),)), NOW)
    assert refusal.value.violations[0].field == "programme.rules[1].condition"
    first = (bonus(7, condition="member.first_purchase"),)
    current.changed(replace(current, rules=first, scheme=earned, tiers=(Tier("gold", 100),)), NOW)


def test_the_version_in_force_is_the_newest_of_its_day_and_the_first_before_there_was_any() -> None:
    versions = {
        number: replace(programme(), version=number, update_time=NOW + timedelta(days=day))
        for number, day in ((1, 0), (2, 5), (3, 5), (4, 9))
    }
    found = [in_force(versions, NOW + timedelta(days=day)).version for day in (-1, 0, 4, 5, 8, 9, 99)]
    assert found == [1, 1, 1, 3, 3, 4, 4]
