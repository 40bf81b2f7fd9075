"""Prices and coupons."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from services.campaigns.domain.coupon_template import Terms
from services.campaigns.domain.pricing import Line, Offer, price
from tests.support.builders.campaigns import terms

LOW, HIGH = uuid.UUID(int=1), uuid.UUID(int=2)

lines = st.lists(
    st.builds(Line, st.just("products/x"), st.integers(1, 50), st.integers(0, 100_000)), min_size=1, max_size=12
)
any_terms = st.builds(
    Terms,
    basis_points=st.none() | st.integers(1, 10_000),
    amount=st.integers(1, 1_000_000),
    minimum_spend=st.sampled_from([0, 5_000, 100_000]),
    currency=st.sampled_from(["USD", "EUR"]),
    stackable=st.booleans(),
    priority=st.integers(0, 3),
)
offers = st.lists(st.builds(Offer, st.uuids(), any_terms), max_size=8, unique_by=lambda offer: offer.coupon)


def goods(*grosses: int) -> list[Line]:
    return [Line("products/x", 1, gross) for gross in grosses]


def reasons(*asked: Offer, of: list[Line]) -> list[str]:
    decisions = price("USD", of, asked).decisions
    return [decision.refusal.reason if decision.refusal else "" for decision in decisions]


def test_without_coupons_everything_costs_what_it_costs() -> None:
    priced = price("USD", [Line("products/x", 3, 250), Line("products/y", 1, 0)])
    assert (priced.subtotal, priced.discount, list(priced.discounts), priced.decisions) == (750, 0, [0, 0], [])


def test_a_discount_is_spread_over_the_lines_to_the_cent() -> None:
    priced = price("USD", goods(100, 100, 100), [Offer(LOW, terms(amount=100))])
    assert list(priced.discounts) == [34, 33, 33]


def test_coupons_apply_by_priority_each_to_what_is_left() -> None:
    half = Offer(HIGH, terms(basis_points=5000, amount=None, currency="", stackable=True, priority=1))
    fixed = Offer(LOW, terms(amount=100, stackable=True))
    priced = price("USD", goods(1000), [fixed, half])
    assert [(decision.coupon, decision.discount) for decision in priced.decisions] == [(HIGH, 500), (LOW, 100)]
    first = Offer(LOW, terms(amount=100, stackable=True, priority=2))
    reordered = price("USD", goods(1000), [half, first]).decisions
    assert [(decision.coupon, decision.discount) for decision in reordered] == [(LOW, 100), (HIGH, 450)]


def test_the_price_is_never_negative_and_a_coupon_without_effect_is_kept() -> None:
    asked = [Offer(LOW, terms(amount=700, stackable=True)), Offer(HIGH, terms(amount=700, stackable=True))]
    priced = price("USD", goods(500), asked)
    assert priced.discount == 500
    assert reasons(*asked, of=goods(500)) == ["", "COUPON_WITHOUT_EFFECT"]


@pytest.mark.parametrize(("spent", "reason"), [(999, "MINIMUM_SPEND_NOT_REACHED"), (1000, ""), (1001, "")])
def test_a_minimum_spend_is_asked_of_the_undiscounted_lines(spent: int, reason: str) -> None:
    assert reasons(Offer(LOW, terms(minimum_spend=1000)), of=goods(spent)) == [reason]


def test_an_amount_of_another_currency_is_refused() -> None:
    assert reasons(Offer(LOW, terms(currency="EUR")), of=goods(1000)) == ["COUPON_CURRENCY_MISMATCH"]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [(True, True, ""), (True, False, "COUPON_NOT_STACKABLE"), (False, True, "COUPON_NOT_STACKABLE")],
)
def test_coupons_are_combined_only_if_all_of_them_allow_it(first: bool, second: bool, reason: str) -> None:
    asked = (Offer(LOW, terms(stackable=first)), Offer(HIGH, terms(stackable=second)))
    assert reasons(*asked, of=goods(5000)) == ["", reason]


def test_an_order_that_is_too_large_is_refused() -> None:
    with pytest.raises(Fault) as caught:
        price("USD", [Line("products/x", 10**6, 10**9)])
    assert caught.value.reason == "ORDER_TOO_LARGE"


@given(lines, offers, st.randoms())
def test_the_order_of_entry_makes_no_difference(basket: list[Line], asked: list[Offer], random: object) -> None:
    shuffled = list(asked)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = price("USD", basket, asked), price("USD", basket, shuffled)
    assert list(one.discounts) == list(other.discounts)
    assert [(each.coupon, each.discount) for each in one.decisions] == [
        (each.coupon, each.discount) for each in other.decisions
    ]


@given(lines, offers)
def test_shares_sum_to_the_discounts_and_stay_within_their_lines(basket: list[Line], asked: list[Offer]) -> None:
    priced = price("USD", basket, asked)
    assert sum(priced.discounts) == priced.discount == sum(decision.discount for decision in priced.decisions)
    assert all(0 <= share <= line.gross for share, line in zip(priced.discounts, basket, strict=True))


@given(lines, offers)
def test_every_coupon_takes_something_off_or_is_refused_with_a_reason(basket: list[Line], asked: list[Offer]) -> None:
    decisions = price("USD", basket, asked).decisions
    assert {decision.coupon for decision in decisions} == {offer.coupon for offer in asked}
    assert all((decision.discount > 0) == (decision.refusal is None) for decision in decisions)
