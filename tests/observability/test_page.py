"""The pages that are looked at without a Grafana."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.observability.dashboards import BOARDS
from deploy.observability.observe import page
from deploy.observability.observe.server import Json, Prometheus
from deploy.observability.panels import Board

NOW = 1_795_000_000.0


class Told(Prometheus):
    """A Prometheus that knows one series, of whatever it is asked."""

    def now(self, expression: str) -> list[Json]:
        return [{"metric": {}, "value": [NOW, "0.25"]}] if "orders" in expression else []

    def over(self, expression: str, *, start: float, end: float, step: float) -> list[Json]:
        values = [[start, "1"], [start + step, "NaN"], [end, "3"]]
        return [{"metric": {"queue": "</script>", "service": "orders"}, "values": values}]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_a_page_has_every_panel_with_its_question_and_its_runbook(board: Board, tmp_path: Path) -> None:
    page.write(tmp_path / "page.html", board, Told(""), (NOW - 60, NOW))

    written = (tmp_path / "page.html").read_text()
    assert written.count('<section class="card') == len(list(board.panels))
    for panel in board.panels:
        assert panel.description.replace("'", "&#x27;") in written
        assert f'href="operations.md#{panel.runbook}"' in written


def test_what_a_label_says_ends_no_script(tmp_path: Path) -> None:
    (events,) = (board for board in BOARDS if board.name == "events")
    page.write(tmp_path / "page.html", events, Told(""), (NOW - 60, NOW))

    assert r"<\/script>" in (tmp_path / "page.html").read_text()
    assert '"</script>' not in (tmp_path / "page.html").read_text()


def test_the_index_leads_to_every_page(tmp_path: Path) -> None:
    page.index(tmp_path / "index.html", BOARDS)

    assert all(f'"{board.name}.html"' in (tmp_path / "index.html").read_text() for board in BOARDS)
