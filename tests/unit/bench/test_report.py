"""The page of figures, and its charts."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import latest
from bench.case import CASES
from bench.report import blocks, chart, drawing
from bench.report.__main__ import PAGE, made
from bench.runner import ROOT


def result(*rows: dict[str, Any]) -> dict[str, Any]:
    """A case's result."""
    return {
        "time": "2026-11-22T08:00:00+00:00",
        "quick": False,
        "busy": True,
        "load_before": 9.5,
        "machine": {"commit": "abc1234"},
        "rows": list(rows),
    }


def row(case: str, figure: float, **more: object) -> dict[str, Any]:
    """A row of a table."""
    return {"case": case, "figure": figure, "unit": "calls/s", "ratio": None, "target": "", "pass": None, **more}


def test_only_what_stands_between_the_marks_is_made_anew() -> None:
    page = "before\n<!-- bench: relay -->\nold\n<!-- end -->\nafter\n"
    filled = blocks.fill(page, {"relay": result(row("sent", 1234.5))}, set())
    assert filled.startswith("before\n<!-- bench: relay -->\n|")
    assert "old" not in filled
    assert "1,234" in filled
    assert filled.endswith("<!-- end -->\nafter\n")


def test_filling_twice_changes_nothing() -> None:
    page = "<!-- bench: relay -->\n<!-- end -->\n"
    results = {"relay": result(row("sent", 1.0))}
    once = blocks.fill(page, results, set())
    assert blocks.fill(once, results, set()) == once


def test_a_table_says_what_was_missed_and_how_it_was_measured() -> None:
    text = blocks.table(result(row("sent", 5.0, ratio=0.4, target=">= 0.6", spread=0.1, **{"pass": False})))
    assert "| sent | 5 ± 5% | calls/s | 0.40 | >= 0.6 | **missed** |" in text
    assert "while other work loaded the machine" in text
    assert "abc1234" in text


def test_a_case_without_a_result_says_so() -> None:
    assert blocks.made("relay", {}, set()) == "Not measured yet.\n"
    assert blocks.made("chart performance-peers.svg", {}, set()) == "Not measured yet.\n"


@pytest.mark.parametrize(("value", "text"), [(12345.6, "12,346"), (42.25, "42.2"), (2.0, "2"), (0.126, "0.13")])
def test_figures_have_the_digits_that_mean_something(value: float, text: str) -> None:
    assert blocks.number(value) == text


def test_charts_are_images_and_spell_what_they_are_told() -> None:
    svg = chart.bars("A < B", [("one & two", 3.0, "3", True), ("none", 0.0, "0", False)], mark=1.0)
    texts = [each.text for each in ET.fromstring(svg).iter() if each.tag.endswith("text")]
    assert texts == ["A < B", "one & two", "3", "none", "0"]
    drawn = chart.lines("course", {"a": [(0.0, 1.0), (10.0, 130.0)], "b": []})
    points = [each.get("points") for each in ET.fromstring(drawn).iter() if each.tag.endswith("polyline")]
    assert len(points) == 2
    assert points[0] is not None
    assert len(points[0].split()) == 2


def test_targets_are_drawn_so_that_one_is_met() -> None:
    missed = row("a", 0.3, ratio=0.3, target=">= 0.6", **{"pass": False})
    met = row("b", 10.0, target="<= 50", **{"pass": True})
    svg = drawing.charts({"relay": result(missed, met)})["performance-targets.svg"]
    assert ">0.50<" in svg
    assert ">5.00<" in svg


def test_the_page_has_a_place_for_every_case() -> None:
    page = PAGE.read_text()
    missing = [case.name for case in CASES if case.full and f"<!-- bench: {case.name} -->" not in page]
    assert missing in ([], ["profiles"])
    assert "<!-- bench: lines -->" in page


def test_the_page_is_fresh() -> None:
    stale = [name for name, text in made().items() if (ROOT / name).read_text() != text]
    assert not stale, "run `make performance`"


def test_every_kept_row_has_what_the_page_needs() -> None:
    for name, kept in latest.read().items():
        for each in kept["rows"]:
            assert {"case", "figure", "unit", "ratio", "target", "pass"} <= each.keys(), name
