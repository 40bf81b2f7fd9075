"""Taxes: known answers in three currencies, and what is true of any amount."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import LIMIT
from services.orders.domain.tax import Rounding, Taxed, TaxRate, divided, table_of, taxed
from tests.support.builders.orders import NOW
from tests.support.builders.shipping import a_tax_rate, a_tax_table, an_address

UP, EVEN, DOWN = Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.HALF_DOWN
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("amount", "basis_points", "included", "rounding", "expected"),
    [
        # CNY, two decimals: 113.00 with 13 % inside is 100.00 and 13.00; 9.99 has 1.1493; 1.06 with 6 % has 0.06.
        (11300, 1300, True, UP, Taxed(11300, 1300)),
        (999, 1300, True, UP, Taxed(999, 115)),
        (106, 600, True, UP, Taxed(106, 6)),
        (1, 1300, True, UP, Taxed(1, 0)),
        # CNY on top: 9.50 at 13 % is 1.235; the half goes by the mode.
        (950, 1300, False, UP, Taxed(1074, 124)),
        (950, 1300, False, EVEN, Taxed(1074, 124)),
        (950, 1300, False, DOWN, Taxed(1073, 123)),
        (850, 1300, False, EVEN, Taxed(960, 110)),
        # JPY, no decimals: 1,080 with 8 % inside has 80; 105 at 10 % on top is 10.5.
        (1080, 800, True, UP, Taxed(1080, 80)),
        (1100, 1000, True, DOWN, Taxed(1100, 100)),
        (105, 1000, False, UP, Taxed(116, 11)),
        (105, 1000, False, EVEN, Taxed(115, 10)),
        (105, 1000, False, DOWN, Taxed(115, 10)),
        # KWD, three decimals: 1.050 with 5 % inside has 0.050; 0.010 at 5 % on top is 0.0005.
        (1050, 500, True, UP, Taxed(1050, 50)),
        (10, 500, False, UP, Taxed(11, 1)),
        (10, 500, False, EVEN, Taxed(10, 0)),
        (30, 500, False, EVEN, Taxed(32, 2)),
        (30, 500, False, DOWN, Taxed(31, 1)),
        (0, 1300, True, UP, Taxed(0, 0)),
        (999, 0, True, UP, Taxed(999, 0)),
        (999, 0, False, UP, Taxed(999, 0)),
    ],
)
def test_tax_is_what_was_worked_out_by_hand(
    amount: int, basis_points: int, included: bool, rounding: Rounding, expected: Taxed
) -> None:
    assert taxed(amount, basis_points, included=included, rounding=rounding) == expected


@given(st.integers(0, LIMIT), st.integers(0, 10_000), st.booleans(), st.sampled_from(Rounding))
def test_the_tax_is_never_negative_is_within_its_amount_and_is_the_nearest(
    amount: int, basis_points: int, included: bool, rounding: Rounding
) -> None:
    found = taxed(amount, basis_points, included=included, rounding=rounding)
    assert 0 <= found.tax <= found.amount
    assert found.amount - found.tax == amount - (found.tax if included else 0)
    exact = Fraction(amount * basis_points, 10_000 + (basis_points if included else 0))
    assert abs(found.tax - exact) <= Fraction(1, 2)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=100), st.integers(0, 10_000), st.sampled_from(Rounding))
def test_the_lines_of_an_order_are_off_by_half_a_unit_each_at_most(
    amounts: list[int], basis_points: int, rounding: Rounding
) -> None:
    found = [taxed(amount, basis_points, included=False, rounding=rounding) for amount in amounts]
    total = sum(each.tax for each in found)
    assert sum(each.amount for each in found) == sum(amounts) + total
    assert abs(total - Fraction(sum(amounts) * basis_points, 10_000)) <= Fraction(len(amounts), 2)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_the_modes_differ_on_halves_only(part: int, whole: int) -> None:
    up, even, down = (divided(part, whole, mode) for mode in (UP, EVEN, DOWN))
    if part * 2 % whole or part % whole == 0:
        assert up == even == down
    else:
        assert (up, up - down) == (-(-part // whole), 1)
        assert even % 2 == 0


def test_a_rate_holds_from_its_start_until_before_its_end() -> None:
    table = a_tax_table(
        a_tax_rate(basis_points=1600, end=NOW), a_tax_rate(start=NOW, end=NOW + HOUR), a_tax_rate("food", 900)
    ).checked()
    instants = (NOW - HOUR, NOW, NOW + HOUR)
    assert [table.basis_points("standard", now) for now in instants] == [1600, 1300, 0]
    assert [table.basis_points("", now) for now in instants] == [1600, 1300, 0]
    assert (table.basis_points("food", NOW), table.basis_points("books", NOW)) == (900, 0)


@pytest.mark.parametrize(
    "rates",
    [
        (a_tax_rate(), a_tax_rate(start=NOW)),
        (a_tax_rate(end=NOW + HOUR), a_tax_rate(start=NOW)),
        (a_tax_rate(start=NOW, end=NOW),),
    ],
)
def test_two_rates_of_a_class_never_hold_at_once(rates: tuple[TaxRate, ...]) -> None:
    with pytest.raises(Fault):
        a_tax_table(*rates).checked()


def test_the_table_of_the_region_goes_before_that_of_the_country() -> None:
    country, region, home = a_tax_table(), a_tax_table(region="广东/深圳"), a_tax_table(country="HK", home=True)
    tables = [home, region, country]
    assert table_of(tables, an_address()) is region
    assert table_of(tables, an_address(city="广州市")) is country
    assert table_of(tables, an_address(country="FR")) is None
    assert table_of(tables, None) is home
    assert table_of([country], None) is None
