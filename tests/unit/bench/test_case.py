"""The registry of cases."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from bench.case import CASES, Pace, chosen


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_has_a_module(case: object) -> None:
    assert find_spec(f"bench.cases.{getattr(case, 'name', '')}")


def test_named_cases_run_in_the_order_they_are_named() -> None:
    assert [case.name for case in chosen(Pace(), ["orders", "relay"])] == ["orders", "relay"]


def test_a_quick_run_leaves_out_what_takes_long() -> None:
    quick = {case.name for case in chosen(Pace(quick=True), [])}
    full = {case.name for case in chosen(Pace(), [])}
    assert "growth" not in quick
    assert quick < full


def test_an_unknown_case_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no case reley"):
        chosen(Pace(), ["reley"])


def test_a_pace_goes_to_the_process_of_a_case_as_it_is() -> None:
    assert Pace(quick=True, seconds=5, rows=7).arguments() == ["--quick", "--seconds", "5", "--rows", "7"]
    assert Pace().arguments() == []


def test_what_was_asked_for_stands_above_what_a_case_would_choose() -> None:
    assert Pace(quick=True).during(quick=10, full=60) == 10
    assert Pace().during(quick=10, full=60) == 60
    assert Pace(seconds=3).during(quick=10, full=60) == 3
    assert Pace(rows=3).size(quick=10, full=60) == 3
