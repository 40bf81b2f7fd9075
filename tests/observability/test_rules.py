"""The rules: of the shape that Prometheus reads, on metrics that exist, each alert with a runbook that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.observability.expressions import labels, metrics
from tests.observability.known import ALWAYS, ROOT, anchors, known
from tests.observability.promtool import ALERTS, FILES, rules, said

_DURATION = re.compile(r"\d+(ms|[smhdwy])")
_OPERATIONS = ROOT / "docs" / "operations.md"


def test_prometheus_reads_the_files() -> None:
    assert said("check", "rules", *map(str, FILES)) == ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_made_of_named_groups(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    assert set(document) == {"groups"}
    assert all(set(group) - {"interval"} == {"name", "rules"} for group in document["groups"])


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_when_how_urgent_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert re.fullmatch(r"[A-Z]\w+", alert)
    assert rule["labels"] in ({"severity": "page"}, {"severity": "ticket"})
    assert set(rule["annotations"]) == {"summary", "runbook_url"}
    assert _DURATION.fullmatch(rule.get("for", "0s"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_rules_ask_for_metrics_and_labels_that_exist(file: Path) -> None:
    there = known()
    for rule in rules(file):
        asked = metrics(rule["expr"])
        assert asked <= set(there), rule
        assert labels(rule["expr"]) <= ALWAYS.union(*(there[name] for name in asked)), rule


@pytest.mark.parametrize("alert", ALERTS)
def test_a_runbook_exists_and_names_its_alert(alert: str) -> None:
    page, _, anchor = ALERTS[alert]["annotations"]["runbook_url"].partition("#")
    assert ROOT / page == _OPERATIONS
    assert anchor in anchors(_OPERATIONS)
    row = f"| `{alert}` | {ALERTS[alert]['labels']['severity']} | "
    assert [line for line in _OPERATIONS.read_text().splitlines() if line.startswith(row) and f"(#{anchor})" in line]


def test_the_index_lists_no_alert_that_is_not() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (?:page|ticket) \|", _OPERATIONS.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(ALERTS)
