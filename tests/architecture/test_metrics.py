"""Metrics have one scheme of names, one place each, and no label that could name anybody."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from tools.metrics import OF_ONE_PROCESS, PAGE, SOURCES, Described, described, page

ROOT = Path(__file__).resolve().parents[2]
LABELS = {
    "rpc_method", "rpc_response_status_code", "peer", "lane", "operation", "outcome", "sqlstate", "event", "queue",
    "timer", "channel", "imported", "currency", "reason", "state", "step", "action", "provider", "platform", "call",
    "check", "to_tier", "direction", "change", "stage",
}  # fmt: skip
"""Each from a list of its own: of methods, of queues, of states, of what merchants set up (`telemetry.Bounded`)."""
FOUND = [each for source in SOURCES for each in described(import_module(source.module))]
METRICS = [pytest.param(each, id=each.name) for each in FOUND]


@pytest.mark.parametrize("metric", METRICS)
def test_a_name_says_what_is_measured_and_in_which_unit(metric: Described) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.kind != "histogram" or metric.name.endswith(("_seconds", "_size"))
    assert not re.search(r"_(ms|milliseconds|cents|count)(_|$)", metric.name)
    assert metric.meaning.endswith(".")


@pytest.mark.parametrize("metric", METRICS)
def test_a_label_is_one_that_names_nobody(metric: Described) -> None:
    assert set(metric.labels) <= LABELS


def test_every_gauge_says_how_it_adds_up() -> None:
    assert {metric.name for metric in FOUND if metric.kind == "gauge"} >= OF_ONE_PROCESS


def test_no_metric_is_registered_elsewhere() -> None:
    found = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        for path in [*(ROOT / "kit").rglob("*.py"), *(ROOT / "services").rglob("*.py")]
        if registers(ast.parse(path.read_text()))
    }
    assert found == {source.module for source in SOURCES}


def registers(module: ast.Module) -> bool:
    """Whether a module makes a metric."""
    names = {
        name.asname or name.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
        for name in node.names
    }
    kinds = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"} & names
    calls = (node.func for node in ast.walk(module) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Name) and called.id in kinds for called in calls)


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text() == page(), "run `make gen`"
