"""The alert rules: of the shape that Prometheus reads, on metrics that exist, each with a runbook that exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import services.members.metrics  # it brings the metrics
import services.orders.metrics  # noqa: F401 - and so does this

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "deploy" / "observability").glob("*.rules.yaml"))
RULES = [
    pytest.param(rule, id=rule["alert"])
    for file in FILES
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
_DURATION = re.compile(r"\d+(ms|[smhdwy])")
_METRIC = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as a browser makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_rules() -> None:
    assert RULES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_file_is_made_of_named_groups(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    assert set(document) == {"groups"}
    assert all(set(group) == {"name", "rules"} for group in document["groups"])


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_when_how_urgent_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert re.fullmatch(r"[A-Z]\w+", rule["alert"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "runbook"}
    assert _DURATION.fullmatch(rule.get("for", "0s"))


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    metrics = list(REGISTRY.collect())
    known = {metric.name for metric in metrics} | {f"{each.name}_total" for each in metrics if each.type == "counter"}
    asked = set(_METRIC.findall(rule["expr"]))
    assert asked
    assert asked <= known


@pytest.mark.parametrize("rule", RULES)
def test_a_runbook_exists(rule: dict[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor in anchors(ROOT / page)
