"""The table of a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.table import Table


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "table.json")


def test_several_figures_are_told_by_their_median_and_spread(table: Table) -> None:
    assert table.add("calls", [90.0, 110.0, 100.0], "calls/s") == 100
    assert table.rows[0].spread == pytest.approx(0.2)


def test_a_target_bounds_the_ratio_where_there_is_a_baseline(table: Table) -> None:
    table.add("calls", 60, "calls/s", baseline=100, least=0.5)
    table.add("calls", 40, "calls/s", baseline=100, least=0.5)
    assert [row.passed for row in table.rows] == [True, False]
    assert table.rows[0].ratio == pytest.approx(0.6)


def test_a_target_bounds_the_figure_where_there_is_none(table: Table) -> None:
    table.add("latency", 60, "ms", most=50)
    table.add("latency", 40, "ms", most=50)
    assert [row.passed for row in table.rows] == [False, True]


def test_without_a_target_there_is_no_verdict(table: Table) -> None:
    table.add("calls", 60, "calls/s")
    assert table.rows[0].passed is None
    assert table.rows[0].spread is None
