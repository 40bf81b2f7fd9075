"""The dashboards: fresh, of expressions that parse and metrics that exist, each panel explained and with a runbook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.observability import generate
from deploy.observability.dashboards import BOARDS
from deploy.observability.observe.questions import questions
from deploy.observability.observe.server import concrete
from deploy.observability.observe.troubles import TROUBLES
from deploy.observability.panels import Board
from tests.observability.expressions import labels, metrics
from tests.observability.known import ALWAYS, ROOT, anchors, known
from tests.observability.promtool import ALERTS, said

BY_NAME = [pytest.param(board, id=board.name) for board in BOARDS]


def panels(board: Board) -> list[dict[str, Any]]:
    """The panels of a dashboard's file, without its rows."""
    document = json.loads((generate.FOLDER / "dashboards" / f"{board.name}.json").read_text())
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def test_what_is_made_is_fresh_and_nothing_else_is_there() -> None:
    made = generate.files()
    assert [path.name for path, text in made.items() if not path.exists() or path.read_text() != text] == []
    assert {path for path in made if path.suffix == ".json"} == set((generate.FOLDER / "dashboards").glob("*.json"))


@pytest.mark.parametrize("board", BY_NAME)
def test_each_panel_is_explained_and_leads_to_a_runbook(board: Board) -> None:
    there = anchors(ROOT / "docs" / "operations.md")
    for panel in panels(board):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        (link,) = panel["links"]
        runbooks, _, anchor = link["url"].partition("#")
        assert runbooks == "${runbooks}"
        assert anchor in there, panel["title"]


@pytest.mark.parametrize("board", BY_NAME)
def test_data_come_from_the_source_that_the_reader_chooses(board: Board) -> None:
    for panel in panels(board):
        for place in (panel, *panel["targets"]):
            assert place["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]


@pytest.mark.parametrize("board", BY_NAME)
def test_panels_ask_for_metrics_and_labels_that_exist(board: Board) -> None:
    there = known()
    for panel in board.panels:
        for query in panel.queries:
            asked = metrics(query.expression)
            assert asked, panel.title
            assert asked <= set(there), panel.title
            allowed = ALWAYS.union(*(there[name] for name in asked))
            assert labels(query.expression) <= allowed, panel.title
            assert {each.split("}}")[0].strip() for each in query.legend.split("{{")[1:]} <= allowed, panel.title


def test_each_expression_parses(tmp_path: Path) -> None:
    rules = [{"record": "asked", "expr": concrete(each.expression)} for each in questions() if each.kind == "panel"]
    # The same name twice would be a fault of the file, not of an expression.
    for number, rule in enumerate(rules):
        rule["record"] = f"asked:{number}"
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert said("check", "rules", str(file)) == ""


def test_titles_tell_panels_apart() -> None:
    for board in BOARDS:
        titles = [panel.title for panel in board.panels]
        assert len(titles) == len(set(titles)), board.name


def test_each_alert_is_told_by_exactly_one_trouble_and_what_troubles_list_is_there() -> None:
    told = [alert for trouble in TROUBLES for alert in (*trouble.alerts, *trouble.late)]
    assert sorted(told) == sorted(ALERTS)
    titles = {each.title for each in questions() if each.kind == "panel"}
    assert {panel for trouble in TROUBLES for panel in trouble.panels} <= titles
