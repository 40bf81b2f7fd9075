"""Rules of stores and parts of the organisation: of the rates that replace the house's, the smallest place's counts."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from kit.errors import Fault
from services.members.domain.programme import Programme
from services.members.domain.rule import Rate, Rule
from tests.support.builders.members import dollars, programme
from tests.support.builders.rules import basket, bonus, earned, line

SHANGHAI = "/cn/east/shanghai"


def rate(id_: str, points: int, **fields: Any) -> Rule:
    """A rule whose rate stands in for the house's."""
    return Rule(id_, rate=Rate(points, dollars(1)), replaces=True, **fields)


def points(*rules: Rule, store: str = "east-1", org: str = SHANGHAI) -> int:
    """What 10.00 earn in a store; 10 by the house's rate."""
    house: Programme = replace(programme(), rules=rules)
    house.check()
    return earned(house, basket(line(10_00), store=store, org=org)).points


HOUSE = rate("house", 2)
COUNTRY = rate("country", 3, place="/cn")
EAST = rate("east", 4, place="/cn/east")
STORE = rate("store", 5, place="stores/east-1")
NESTED = (HOUSE, COUNTRY, EAST, STORE)


@pytest.mark.parametrize(
    ("place", "there"),
    [
        ("/cn", True),
        ("/cn/east", True),
        (SHANGHAI, True),
        ("/cn/eas", False),
        (f"{SHANGHAI}/pudong", False),
        ("stores/east-1", True),
        ("stores/east-12", False),
        ("", True),
    ],
)
@pytest.mark.parametrize("store", ["east-1", "stores/east-1"])
def test_a_rule_is_about_its_store_or_all_stores_of_its_part(place: str, there: bool, store: str) -> None:
    assert points(bonus(7, place=place), store=store) == (17 if there else 10)


def test_an_order_of_no_part_is_in_no_part() -> None:
    assert points(COUNTRY, org="") == 10
    assert points(STORE, org="") == 50


@pytest.mark.parametrize(
    ("org", "store", "expected"),
    [
        (SHANGHAI, "east-1", 50),
        (SHANGHAI, "east-2", 40),
        ("/cn/west", "west-1", 30),
        ("/jp", "jp-1", 20),
        ("", "", 20),
    ],
)
def test_the_rate_of_the_smallest_place_counts_in_whatever_order_the_rules_stand(
    org: str, store: str, expected: int
) -> None:
    assert {points(*rules, org=org, store=store) for rules in permutations(NESTED)} == {expected}


def test_of_two_rates_of_one_place_the_first_counts() -> None:
    first, second = rate("first", 6, place="/cn/east"), rate("second", 7, place="/cn/east")
    assert (points(first, second), points(second, first)) == (60, 70)
    assert (points(HOUSE, rate("other", 9)), points(rate("other", 9), HOUSE)) == (20, 90)


def test_a_rate_whose_condition_is_false_gives_way_to_the_larger_place() -> None:
    assert points(EAST, replace(STORE, condition="order.net > 100000")) == 40


def test_an_exclusive_rate_of_a_larger_place_does_not_keep_the_smaller_one_out() -> None:
    assert points(replace(HOUSE, exclusive=True), bonus(1), STORE) == 51
    assert points(HOUSE, replace(STORE, exclusive=True), bonus(1)) == 50


def test_another_exclusive_rule_shuts_out_what_comes_after_and_the_larger_place_counts() -> None:
    assert points(COUNTRY, bonus(1, exclusive=True), STORE) == 31
    assert points(bonus(1, exclusive=True), COUNTRY, STORE) == 11


@pytest.mark.parametrize("place", ["stores/", "stores/a/b", "stores/a b", "east", "/cn//east", "/a" * 11])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(Fault) as refusal:
        points(rate("x", 1, place=place))
    assert [violation.field for violation in refusal.value.violations] == ["programme.rules[0].place"]
