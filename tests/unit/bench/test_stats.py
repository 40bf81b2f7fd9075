"""Numbers about numbers."""

from __future__ import annotations

import pytest

from bench import stats


def test_a_quantile_is_the_smallest_value_that_the_share_keeps_within() -> None:
    values = [float(value) for value in range(1, 101)]
    assert stats.quantile(values, 0.99) == 99
    assert stats.quantile(values, 0.5) == 50
    assert stats.quantile([7.0], 0.99) == 7
    assert stats.quantile([], 0.99) == 0


def test_the_spread_is_the_distance_as_a_share_of_the_median() -> None:
    assert stats.spread([90.0, 100.0, 110.0]) == pytest.approx(0.2)
    assert stats.spread([5.0]) == 0
    assert stats.spread([0.0, 0.0]) == 0


def test_the_slope_is_what_y_grows_for_each_x() -> None:
    assert stats.slope([(0, 1), (1, 3), (2, 5)]) == pytest.approx(2)
    assert stats.slope([(0, 4), (10, 4)]) == 0
    assert stats.slope([(3, 4)]) == 0
    assert stats.slope([]) == 0
