"""What orders earn: rules, caps and rounding, and that a refund takes back exactly what is no longer earned."""

from __future__ import annotations

import csv
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from services.members.domain.basket import Basket, Left, Scope, eligible
from services.members.domain.condition import Person
from services.members.domain.earning import Room
from services.members.domain.programme import Programme
from services.members.domain.rule import Caps, Rate, Rounding, Rule, Verdict
from tests.support.builders.members import dollars, programme
from tests.support.builders.rules import all_of, basket, bonus, earned, line, times

TEA = Scope(categories=frozenset({"tea"}))


def vectors(name: str) -> list[Any]:
    """The rows of a file that a merchant could read."""
    text = (Path(__file__).parent / "vectors" / name).read_text()
    rows = csv.DictReader(each for each in text.splitlines() if not each.startswith("#"))
    return [pytest.param(row, id=",".join(row.values())) for row in rows]


def cents(text: str) -> int:
    return int(Decimal(text) * 100)


def rules(*each: Rule, **changes: Any) -> Programme:
    """The programme of a new installation with these rules."""
    return replace(programme(), rules=each, **changes)


def given_by(found: Any) -> dict[str, tuple[int, str]]:
    return {grant.rule: (grant.points, grant.verdict.value) for grant in found.grants}


@pytest.mark.parametrize("row", vectors("rounding.csv"))
@pytest.mark.parametrize("rounding", Rounding)
def test_points_are_rounded_once_as_the_programme_says(row: dict[str, str], rounding: Rounding) -> None:
    multiplier = int(Decimal(row["multiplier"]) * 10_000)
    extra = [times(multiplier)] if multiplier > 10_000 else []
    rate = Rate(int(row["points"]), Money(cents(row["per_amount"]), "USD"))
    found = earned(rules(*extra, earn=rate, rounding=rounding), basket(line(cents(row["goods"]))))
    assert found.points == int(row[rounding.value.lower()])
    assert sum(grant.points for grant in found.grants) == found.points


@pytest.mark.parametrize("row", vectors("caps.csv"))
def test_a_rule_gives_no_more_than_its_caps_leave(row: dict[str, str]) -> None:
    order, day, member = (int(row[key]) if row[key] else None for key in ("cap_order", "cap_day", "cap_member"))
    rule = Rule("capped", rate=Rate(1, dollars(1)), caps=Caps(order, day, member))
    room = Room(
        None if day is None else max(0, day - int(row["taken_today"])),
        None if member is None else max(0, member - int(row["taken_ever"])),
    )
    never = Rate(1, Money(10**14, "USD"))
    found = earned(rules(rule, earn=never), basket(line(cents(row["goods"]))), rooms={"capped": room})
    assert given_by(found)["capped"] == (int(row["points"]), row["verdict"])


def test_without_rules_an_order_earns_as_ever() -> None:
    found = earned(programme(), basket(line(11_77)))
    assert given_by(found) == {"base": (11, "APPLIED")}


def test_an_earning_says_what_became_of_every_rule() -> None:
    found = earned(
        rules(
            times(15_000, id="gold", condition="member.tier == 'gold'"),
            times(20_000, id="tea", scope=TEA),
            bonus(50, id="big", minimum=dollars(500)),
            bonus(5, id="pos", condition="order.channel == 'pos'", exclusive=True),
            bonus(7, id="late"),
        ),
        basket(line(30_00, "tea"), line(70_00, "cake"), channel="pos"),
        person=Person(tier="silver"),
    )
    assert given_by(found) == {
        "base": (100, "APPLIED"),
        "gold": (0, "CONDITION_FALSE"),
        "tea": (30, "APPLIED"),
        "big": (0, "BELOW_MINIMUM"),
        "pos": (5, "APPLIED"),
        "late": (0, "EXCLUDED"),
    }


def test_multipliers_add_up_and_do_not_multiply_each_other() -> None:
    found = earned(rules(times(15_000), times(20_000)), basket(line(100_00)))
    assert found.points == 250


def test_goods_that_do_not_earn_earn_by_no_rule() -> None:
    no_gifts = Scope(excluded_categories=frozenset({"gift"}))
    bought = basket(line(30_00, "gift"), line(20_00, "tea"))
    found = earned(
        rules(times(20_000), bonus(1, id="gift", scope=Scope(categories=frozenset({"gift"}))), scope=no_gifts), bought
    )
    assert given_by(found) == {"base": (20, "APPLIED"), "times-20000": (20, "APPLIED"), "gift": (0, "NO_GOODS")}


@pytest.mark.parametrize(("earns", "points"), [(False, 20), (True, 26)])
def test_freight_earns_only_where_the_programme_says_so(earns: bool, points: int) -> None:
    assert earned(rules(freight_earns=earns), basket(line(20_00), freight=6_00)).points == points


def test_a_rule_for_unknown_goods_does_not_apply() -> None:
    assert given_by(earned(rules(times(20_000, scope=TEA)), Basket(100_00)))["times-20000"] == (0, "NO_GOODS")


def test_a_refund_below_the_minimum_takes_the_bonus_back_and_lets_no_excluded_rule_in() -> None:
    both = rules(bonus(10, minimum=dollars(100), exclusive=True), bonus(1_000))
    bought = basket(line(120_00))
    assert earned(both, bought).points == 130
    found = earned(both, bought, Left(60_00, (60_00,), 0))
    assert given_by(found) == {"base": (60, "APPLIED"), "bonus-10": (0, "BELOW_MINIMUM"), "bonus-1000": (0, "EXCLUDED")}


def test_the_programmes_own_caps_take_from_the_last_rules() -> None:
    found = earned(rules(bonus(30, id="one"), bonus(20, id="two"), caps=Caps(order=25)), basket(line(10_00)))
    assert given_by(found) == {"base": (10, "APPLIED"), "one": (15, "CAPPED_PROGRAMME"), "two": (0, "CAPPED_PROGRAMME")}


def test_the_refunded_goods_are_those_that_stop_earning() -> None:
    bought = basket(line(50_00, "tea"), line(50_00, "cake"))
    double = rules(times(20_000, scope=TEA))
    assert earned(double, bought, Left(50_00, (0, 50_00), 0)).points == 50
    assert earned(double, bought, Left(50_00, (50_00, 0), 0)).points == 100
    assert earned(double, bought, Left(50_00)).points == 75  # it is not known which


def test_more_points_than_a_posting_may_move_are_refused() -> None:
    with pytest.raises(Fault) as refusal:
        earned(rules(bonus(1, id="b"), earn=Rate(10_000, Money(1, "USD"))), Basket(10**14))
    assert refusal.value.reason == "POINTS_OUT_OF_RANGE"


@pytest.mark.parametrize(
    ("rule", "field", "reason"),
    [
        (Rule("base", bonus=1), "programme.rules[0].id", "PROGRAMME_INVALID"),
        (Rule("none"), "programme.rules[0]", "PROGRAMME_INVALID"),
        (Rule("two", bonus=1, multiplier=20_000), "programme.rules[0]", "PROGRAMME_INVALID"),
        (Rule("less", multiplier=10_000), "programme.rules[0].multiplier", "PROGRAMME_INVALID"),
        (Rule("yen", bonus=1, minimum=Money(1, "JPY")), "programme.rules[0].minimum_spend", "PROGRAMME_INVALID"),
        (Rule("euro", rate=Rate(1, Money(1, "EUR"))), "programme.rules[0].rate.amount", "PROGRAMME_INVALID"),
        (Rule("typo", bonus=1, condition="member.teir == 'gold'"), "programme.rules[0].condition", "CONDITION_INVALID"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_before_anybody_earns_by_it(rule: Rule, field: str, reason: str) -> None:
    with pytest.raises(Fault) as refusal:
        rules(rule).check()
    assert (refusal.value.reason, refusal.value.violations[0].field) == (reason, field)


amounts = st.integers(0, 50_000)
categories = st.sampled_from(["tea", "cake", "gift"])
scopes = st.builds(
    Scope, categories=st.frozensets(categories, max_size=2), excluded_categories=st.frozensets(categories, max_size=1)
)
caps = st.builds(Caps, order=st.none() | st.integers(0, 300), day=st.none() | st.integers(0, 300))
effects = st.one_of(
    st.fixed_dictionaries({"bonus": st.integers(1, 100)}),
    st.fixed_dictionaries({"multiplier": st.integers(10_001, 40_000)}),
    st.fixed_dictionaries({"rate": st.builds(lambda points: Rate(points, Money(330, "USD")), st.integers(1, 9))}),
)
some_rules = st.lists(
    st.builds(
        lambda effect, **fields: Rule("", **effect, **fields),
        effects,
        scope=scopes,
        minimum=st.integers(0, 30_000).map(lambda cents: Money(cents, "USD")),
        exclusive=st.booleans(),
        caps=caps,
    ),
    max_size=5,
).map(lambda found: tuple(replace(rule, id=f"r{index}") for index, rule in enumerate(found)))
programmes = st.builds(
    lambda **changes: replace(programme(earn=Rate(7, Money(130, "USD"))), **changes),
    rules=some_rules,
    rounding=st.sampled_from(Rounding),
    scope=scopes,
    freight_earns=st.booleans(),
    caps=caps,
)
baskets = st.builds(
    lambda lines, freight: basket(*(line(net, category) for net, category in lines), freight=freight),
    st.lists(st.tuples(amounts, categories), max_size=5),
    st.integers(0, 2_000),
)


def lefts(data: st.DataObject, bought: Basket) -> list[Left]:
    """What refunds leave one after the other, down to nothing, told by line or not."""
    steps, by_line = [all_of(bought)], data.draw(st.booleans())
    for _ in range(data.draw(st.integers(0, 4))):
        before = steps[-1]
        assert before.lines is not None
        assert before.freight is not None
        lines = tuple(data.draw(st.integers(0, net)) for net in before.lines)
        freight = data.draw(st.integers(0, before.freight))
        steps.append(Left(sum(lines) + freight, lines, freight))
    steps.append(Left(0, (0,) * len(bought.lines), 0))
    return steps if by_line else [Left(step.net) for step in steps]


def rooms_of(rules: Programme) -> dict[str, Room]:
    """All the room that there is."""
    found = {rule.id: Room(rule.caps.day) for rule in rules.rules if rule.caps.day is not None}
    return found | ({"": Room(rules.caps.day)} if rules.caps.day is not None else {})


@given(programmes, baskets, st.data())
@settings(max_examples=400)
def test_refunds_in_any_parts_only_take_back_and_in_the_end_all(
    rules: Programme, bought: Basket, data: st.DataObject
) -> None:
    rooms = rooms_of(rules)
    found = [earned(rules, bought, left, rooms=rooms) for left in lefts(data, bought)]
    assert all(later.points <= earlier.points for earlier, later in pairwise(found))
    assert found[-1].points == 0
    claims = [dict(each.claims()) for each in found]
    for earlier, later in pairwise(claims):
        assert all(later[key] <= earlier[key] for key in later)


@given(programmes, baskets, st.data())
@settings(max_examples=400)
def test_no_cap_is_ever_exceeded_and_the_rules_points_are_those_of_the_order(
    rules: Programme, bought: Basket, data: st.DataObject
) -> None:
    rooms = rooms_of(rules)
    for left in lefts(data, bought):
        found = earned(rules, bought, left, rooms=rooms)
        assert sum(grant.points for grant in found.grants) == found.points
        limits = {"": rules.caps} | {rule.id: rule.caps for rule in rules.rules}
        points = {"": found.points} | {grant.rule: grant.points for grant in found.grants}
        for key, each in limits.items():
            assert each.order is None or points[key] <= each.order
            assert each.day is None or points[key] <= each.day
        assert all(grant.points >= 0 and grant.points <= grant.claim for grant in found.grants)


@given(baskets, scopes, scopes, st.booleans(), st.data())
def test_what_is_left_of_goods_shrinks_with_each_refund(
    bought: Basket, one: Scope, other: Scope, freight: bool, data: st.DataObject
) -> None:
    found = [eligible(bought, left, one, other, freight=freight) for left in lefts(data, bought)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0


def test_verdicts_are_named_as_on_the_wire() -> None:
    assert all(verdict.value == verdict.name for verdict in Verdict)
