"""The newest result of each case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench import latest


def result(figure: float, *, quick: bool = False) -> dict[str, Any]:
    """A case's result with one row."""
    row = {"case": "a figure", "figure": figure, "target": ">= 5", "pass": figure >= 5}
    return {"quick": quick, "rows": [row]}


def test_a_run_replaces_its_own_cases_and_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    latest.keep("relay", result(1), file)
    latest.keep("orders", result(2), file)
    latest.keep("relay", result(3), file)
    assert {name: each["rows"][0]["figure"] for name, each in latest.read(file).items()} == {"relay": 3, "orders": 2}


def test_a_quick_run_never_replaces_a_full_one(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    latest.keep("relay", result(1), file)
    latest.keep("relay", result(2, quick=True), file)
    assert latest.read(file)["relay"]["rows"][0]["figure"] == 1


def test_a_full_run_replaces_a_quick_one(tmp_path: Path) -> None:
    file = tmp_path / "latest.json"
    latest.keep("relay", result(1, quick=True), file)
    latest.keep("relay", result(2), file)
    assert latest.read(file)["relay"]["rows"][0]["figure"] == 2


def test_nothing_is_known_before_the_first_run(tmp_path: Path) -> None:
    assert latest.read(tmp_path / "latest.json") == {}


def test_missed_targets_are_told(tmp_path: Path) -> None:
    assert latest.misses({"relay": result(1), "orders": result(9)}) == ["relay: a figure >= 5"]


def test_no_half_written_file_is_left(tmp_path: Path) -> None:
    file = tmp_path / "results" / "latest.json"
    latest.keep("relay", result(1), file)
    assert [each.name for each in file.parent.iterdir()] == ["latest.json"]
    assert json.loads(file.read_text())["cases"]
