from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import _CODES, _ENDED, LIMIT, Money, allocate, currency_of, exponent

CURRENCIES = st.sampled_from(["CNY", "JPY", "KWD", "USD"])
AMOUNTS = st.builds(Money, st.integers(-LIMIT + 1, LIMIT - 1), CURRENCIES)


@given(AMOUNTS)
def test_an_amount_survives_the_wire(amount: Money) -> None:
    units, nanos = amount.to_wire()
    assert Money.from_wire(units, nanos, amount.currency) == amount


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**9), min_size=1, max_size=50))
def test_shares_sum_to_the_whole_and_differ_from_their_quota_by_less_than_one(total: int, weights: list[int]) -> None:
    shares = allocate(total, weights)
    assert sum(shares) == total
    weight = sum(weights)
    if weight:
        assert all(abs(share * weight - total * part) < weight for share, part in zip(shares, weights, strict=True))


@given(st.integers(0, 10**6), st.lists(st.integers(0, 1000), min_size=1, max_size=20))
def test_no_share_is_negative_or_above_the_whole(total: int, weights: list[int]) -> None:
    assert all(0 <= share <= total for share in allocate(total, weights))


def test_units_left_go_to_the_largest_remainders_and_ties_to_the_first() -> None:
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(7, [50, 30, 20]) == [4, 2, 1]
    assert allocate(3, [0, 0]) == [2, 1]
    assert allocate(5, []) == []
    assert allocate(-100, [1, 1, 1]) == [-34, -33, -33]


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("UGX", 0), ("CNY", 2), ("HRK", 2), ("KWD", 3)])
def test_currencies_have_the_decimals_of_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits
    assert currency_of(currency) == currency


def test_all_currencies_are_known_that_are_in_use_and_none_twice() -> None:
    codes = [code for text in (*_CODES.values(), *_ENDED.values()) for code in text.split()]
    assert len(codes) == len(set(codes)) == 16 + 132 + 7 + 14
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in codes)


@pytest.mark.parametrize(
    ("units", "nanos", "currency", "field"),
    [
        (1, 1, "USD", "amount.nanos"),
        (1, 5_000_000, "USD", "amount.nanos"),
        (1, 10_000_000, "JPY", "amount.nanos"),
        (1, -1, "USD", "amount.nanos"),
        (-1, 1, "USD", "amount.nanos"),
        (0, 1_000_000_000, "USD", "amount.nanos"),
        (1, 0, "usd", "amount.currency_code"),
        (1, 0, "", "amount.currency_code"),
        (1, 0, "人民币", "amount.currency_code"),
        (1, 0, "ABC", "amount.currency_code"),
        (1, 0, "XAU", "amount.currency_code"),
        (1, 0, "XXX", "amount.currency_code"),
        (10**15, 0, "USD", "amount"),
        (-(2**63), 0, "USD", "amount"),
    ],
)
def test_what_is_no_whole_amount_is_refused_with_its_field(units: int, nanos: int, currency: str, field: str) -> None:
    with pytest.raises(Fault) as caught:
        Money.from_wire(units, nanos, currency)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_amounts_of_one_currency_can_be_added_compared_and_scaled() -> None:
    small, large = Money(150, "CNY"), Money(275, "CNY")
    assert small + large == Money(425, "CNY")
    assert large - small == Money(125, "CNY")
    assert -small == Money(-150, "CNY")
    assert small * 3 == Money(450, "CNY")
    assert small < large <= large > small >= small
    assert small
    assert not Money(0, "CNY")


def test_amounts_of_two_currencies_do_not_mix() -> None:
    with pytest.raises(Fault, match="must be CNY, not USD"):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(Fault):
        assert Money(1, "CNY") < Money(1, "USD")


@pytest.mark.parametrize(
    ("amount", "words"),
    [(Money(1177, "USD"), "11.77 USD"), (Money(-5, "CNY"), "-0.05 CNY"), (Money(12, "JPY"), "12 JPY")],
)
def test_an_amount_reads_as_people_write_it(amount: Money, words: str) -> None:
    assert str(amount) == words
