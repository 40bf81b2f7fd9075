"""How many points may pay a part of an order: each rule just below, at, and just above its bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.money import Money
from services.members.domain.basket import Basket, Scope
from services.members.domain.points_as_cash import CashRules, most_points, usable
from services.members.domain.rule import Rate
from tests.support.builders.members import dollars
from tests.support.builders.rules import basket, line
from tests.unit.members.test_earning import cents, vectors

HUNDRED = Rate(100, dollars(1))


@pytest.mark.parametrize("row", vectors("points_as_cash.csv"))
def test_points_pay_as_the_rules_say(row: dict[str, str]) -> None:
    rules = CashRules(
        least=int(row["min_points"] or 1),
        most=int(row["max_points"]) if row["max_points"] else None,
        ratio=int(row["max_percent"] or 100) * 100,
        freight=row["freight"] == "yes",
    )
    bought = basket(line(cents(row["goods"])), freight=cents(row["delivery"]))
    found = usable(rules, HUNDRED, bought, int(row["has"]))
    assert (found.points, found.value) == (int(row["points"]), Money(cents(row["value"]), "USD"))


def test_points_pay_only_for_goods_in_their_scope() -> None:
    rules = CashRules(scope=Scope(excluded_categories=frozenset({"gift"})))
    bought = basket(line(30_00, "tea"), line(20_00, "gift"))
    assert usable(rules, HUNDRED, bought, 9_000).points == 3_000


def test_no_point_is_taken_that_is_worth_nothing() -> None:
    three_for_a_cent = Rate(3, Money(1, "USD"))
    assert usable(CashRules(), three_for_a_cent, Basket(10), 100).points == 30
    assert usable(CashRules(), three_for_a_cent, Basket(10), 29) == (27, Money(9, "USD"), Money(10, "USD"))
    assert usable(CashRules(), three_for_a_cent, Basket(10), 2).points == 0
    assert usable(CashRules(least=100), three_for_a_cent, Basket(1_000), 100).points == 100


def test_no_rate_keeps_points_from_paying_the_last_cent() -> None:
    three_for_two = Rate(3, Money(2, "USD"))
    assert usable(CashRules(), three_for_two, Basket(5), 100) == (8, Money(5, "USD"), Money(5, "USD"))


@given(
    st.none() | st.integers(1, 900),
    st.builds(lambda points, minor: Rate(points, Money(minor, "USD")), st.integers(1, 300), st.integers(1, 300)),
    st.integers(1, 10_000),
)
def test_one_point_more_than_the_most_is_worth_more_than_what_may_be_paid(
    limit: int | None, redeem: Rate, payable: int
) -> None:
    most = most_points(CashRules(most=limit), redeem, payable)
    assert most * redeem.amount.minor // redeem.points <= payable
    assert most == limit or (most + 1) * redeem.amount.minor // redeem.points > payable
    assert most_points(CashRules(most=limit), redeem, 0) == 0


@given(
    st.builds(
        CashRules,
        least=st.integers(1, 500),
        most=st.none() | st.integers(1, 900),
        ratio=st.integers(1, 10_000),
        freight=st.booleans(),
    ),
    st.builds(lambda points, minor: Rate(points, Money(minor, "USD")), st.integers(1, 300), st.integers(1, 300)),
    st.integers(0, 10_000),
    st.integers(0, 1_000),
    st.integers(0, 5_000),
)
def test_a_quote_never_exceeds_what_may_be_paid(
    rules: CashRules, redeem: Rate, goods: int, freight: int, available: int
) -> None:
    found = usable(rules, redeem, basket(line(goods), freight=freight), available)
    assert found.points <= available
    assert found.value <= found.payable
    assert found.value.minor == found.points * redeem.amount.minor // redeem.points
    assert found.points == 0 or rules.least <= found.points <= (rules.most or available)
