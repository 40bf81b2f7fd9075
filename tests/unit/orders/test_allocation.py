"""Shares per unit: the whole is divided exactly, and any split of it sums to the whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kit.money import allocate
from services.orders.domain.allocation import Part, Share, even, part, priced, spread, with_points

RUNS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 500)), min_size=1, max_size=6)


def singles(runs: list[tuple[int, int]]) -> list[int]:
    return [share for units, share in runs for _ in range(units)]


@given(RUNS, st.integers(0, 10_000))
def test_spreading_over_runs_equals_allocating_to_single_units(runs: list[tuple[int, int]], total: int) -> None:
    spread_out = [run for runs in spread(total, runs) for run in runs]
    assert singles(spread_out) == allocate(total, singles(runs))


@given(RUNS, st.data())
def test_no_unit_gets_more_than_its_weight(runs: list[tuple[int, int]], data: st.DataObject) -> None:
    total = data.draw(st.integers(0, sum(units * weight for units, weight in runs)))
    for (_, weight), shares in zip(runs, spread(total, runs), strict=True):
        assert all(0 <= share <= weight for _, share in shares)


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.data())
def test_a_discount_is_spread_over_the_units_of_its_line(price: int, quantity: int, data: st.DataObject) -> None:
    discount = data.draw(st.integers(0, price * quantity))
    shares = priced(price, quantity, discount)
    assert part(shares) == Part(price * quantity - discount, 0, 0)
    assert len(shares) <= 2
    assert all(0 <= share.amount <= price for share in shares)


def test_the_first_units_take_the_larger_part_of_a_discount() -> None:
    assert priced(1000, 3, 100) == (Share(1, 966), Share(2, 967))


def test_an_amount_without_a_unit_price_is_spread_evenly() -> None:
    assert even(1000, 3) == (Share(1, 334), Share(2, 333))
    assert even(0, 2) == (Share(2, 0),)


LINES = st.lists(
    st.tuples(st.integers(0, 5_000), st.integers(1, 9), st.integers(0, 100)).map(
        lambda line: priced(line[0], line[1], line[0] * line[1] * line[2] // 100)
    ),
    min_size=1,
    max_size=5,
)


@given(LINES, st.integers(1, 10**6), st.data())
def test_points_are_spread_over_all_units_and_pay_no_unit_twice(
    lines: list[tuple[Share, ...]], points: int, data: st.DataObject
) -> None:
    value = data.draw(st.integers(0, sum(part(shares).amount for shares in lines)))
    spread_out = with_points(lines, points=points, value=value)
    parts = [part(shares) for shares in spread_out]
    assert sum(each.points_value for each in parts) == value
    assert sum(each.points for each in parts) == points
    assert [each.amount for each in parts] == [part(shares).amount for shares in lines]
    assert all(share.points_value <= share.amount for shares in spread_out for share in shares)


@given(LINES.map(lambda lines: lines[0]), st.data())
def test_consecutive_parts_sum_to_the_whole(shares: tuple[Share, ...], data: st.DataObject) -> None:
    units = sum(share.units for share in shares)
    cut = data.draw(st.integers(0, units))
    first, rest = part(shares, units=cut), part(shares, start=cut)
    assert first.amount + rest.amount == part(shares).amount
