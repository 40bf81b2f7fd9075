"""The report of the demo: one HTML file with everything in it, to look at without the suite and without a network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from plotly import io, offline

from cli.demo.latency import Latency
from cli.demo.reckoning import Comparison
from cli.demo.report_data import Data
from cli.demo.report_figures import figures
from cli.demo.scene import Check

_CONFIG = {"displayModeBar": False, "responsive": True}
_LONGEST_CELL = 90


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report tells besides the charts."""

    line: str
    """The line of the reckoning."""
    figures: Sequence[tuple[str, str, str]]
    """The large figures at the top: value, and what it is in English and Chinese."""
    comparisons: Sequence[Comparison]
    checks: Sequence[Check]
    latencies: Sequence[Latency]
    latency_note: str
    made: datetime


def write(path: Path, data: Data, facts: Facts) -> None:
    """Write the report."""
    verdict, _, rest = re.fullmatch(r"((?:NOT )?RECONCILED)( ?)(.*)", facts.line, re.DOTALL).groups()  # type: ignore[union-attr]
    charts = {
        name: io.to_html(figure, full_html=False, include_plotlyjs=False, config=_CONFIG, div_id=f"chart-{name}")
        for name, figure in figures(data, list(facts.latencies)).items()
    }
    page = _template().substitute(
        charts,
        plotly=offline.get_plotlyjs(),
        introduction=(
            "The purchase history of CDNOW's customers, 1997 to 1998, replayed through the gateway into four services "
            "with a database each; then a day of live business; then everything counted again."
        ),
        verdict=escape(verdict),
        verdict_class="" if verdict == "RECONCILED" else "bad",
        figures=escape(rest),
        kpis="".join(map(_figure, facts.figures)),
        latency_note=escape(facts.latency_note),
        comparisons="".join(map(_comparison, facts.comparisons)),
        checks="".join(map(_check, facts.checks)),
        footer=f"Made by <code>make demo</code> on {facts.made:%Y-%m-%d %H:%M} UTC. Charts: Plotly.",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _template() -> Template:
    return Template((resources.files("cli.demo") / "report.html").read_text(encoding="utf-8"))


def _figure(figure: tuple[str, str, str]) -> str:
    value, *names = figure
    words = "".join(f"<span>{escape(name)}</span>" for name in names)
    return f'<div class="kpi"><b>{escape(value)}</b>{words}</div>'


def _comparison(made: Comparison) -> str:
    why = "".join(f'<br><span class="bad">{escape(_short(each))}</span>' for each in made.differences)
    cells = f'<td class="n">{escape(made.expected)}</td><td class="n">{escape(made.found)}</td>'
    return f"<tr><td>{_mark(made.holds)}</td><td>{escape(made.title)}{why}</td>{cells}</tr>"


def _check(made: Check) -> str:
    why = "" if made.holds else f'<br><span class="bad">{escape(_short(made.seen))}</span>'
    return f"<tr><td>{_mark(made.holds)}</td><td>{escape(made.title)}{why}</td></tr>"


def _mark(holds: bool) -> str:
    return '<span class="good">✓</span>' if holds else '<span class="bad">✗</span>'


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"
