"""The dashboards as pictures, for whoever has no Grafana: one HTML page each, drawn with Plotly."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import cycle
from math import ceil
from pathlib import Path
from string import Template

from plotly import offline

from deploy.observability.observe.server import Json, Prometheus
from deploy.observability.panels import Board, Panel, Query, Row, Shape, Unit

_POINTS = 240
_MOST_SERIES = 8
_MOST_TICKS = 6
_THOUSAND = 1_000
_COLOURS = (
    "#2f6fed",
    "#0f9d8a",
    "#f0a020",
    "#e5486d",
    "#6366b8",
    "#8a94a6",
    "#14213d",
    "#7cb342",
    "#00acc1",
    "#ad1457",
)
_BAD, _WARN, _GOOD = "#d92d4f", "#f0a020", "#0f9d8a"
_FONT = {"family": "Inter, 'Segoe UI', 'Noto Sans', sans-serif", "size": 11, "color": "#1e293b"}
_GRID = "#e8ecf2"
_FORMATS = {Unit.SHARE: ".3~p", Unit.BYTES: ".3~s", Unit.SECONDS: ".3~s"}
_SUFFIXES = {Unit.SECONDS: "s", Unit.PER_SECOND: "/s", Unit.CALLS: "/s", Unit.BYTES: "B"}

Span = tuple[float, float]
Series = tuple[str, list[str], list[float]]
"""Name, times, values."""


def write(path: Path, board: Board, prometheus: Prometheus, span: Span) -> None:
    """Write the page of a dashboard as it looked from `span[0]` to `span[1]`, in seconds since 1970."""
    rows = "".join(_row(row, prometheus, span) for row in board.rows)
    template = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
    made = datetime.fromtimestamp(span[1], UTC)
    page = template.substitute(
        title=escape(f"Kehu / {board.title}"),
        description=escape(board.description),
        rows=rows,
        plotly=offline.get_plotlyjs(),
        footer=f"Asked of a real Prometheus by <code>make observe</code> on {made:%Y-%m-%d %H:%M} UTC.",
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _row(row: Row, prometheus: Prometheus, span: Span) -> str:
    cards = "".join(_card(panel, prometheus, span) for panel in row.panels)
    return f'<h2>{escape(row.title)}</h2><div class="row">{cards}</div>'


def _card(panel: Panel, prometheus: Prometheus, span: Span) -> str:
    body = _number(panel, prometheus) if panel.shape is Shape.NUMBER else _chart(panel, prometheus, span)
    link = f'<a href="operations.md#{panel.runbook}" title="runbook">?</a>'
    title = f"<h3>{escape(panel.title)}{link}</h3><p>{escape(panel.description)}</p>"
    return f'<section class="card {panel.shape}" style="grid-column: span {panel.width}">{title}{body}</section>'


def _number(panel: Panel, prometheus: Prometheus) -> str:
    found = prometheus.now(panel.queries[0].expression)
    if not found:
        return '<b class="none">no data</b>'
    value = float(found[0]["value"][1])
    return f'<b style="color: {_colour(panel, value)}">{escape(_shown(panel.unit, value))}</b>'


def _shown(unit: Unit, value: float) -> str:
    if unit is Unit.TIME:
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%H:%M:%S")
    if unit is Unit.SHARE:
        return f"{value:.1%}"
    suffix = _SUFFIXES.get(unit, "")
    return f"{value:,.0f}{suffix}" if value >= 10 or value == int(value) else f"{value:.1f}{suffix}"


def _colour(panel: Panel, value: float) -> str:
    for limit, colour in ((panel.bad, _BAD), (panel.warn, _WARN)):
        if limit is not None and (value < limit if panel.low_is_bad else value >= limit):
            return colour
    return _GOOD


def _chart(panel: Panel, prometheus: Prometheus, span: Span) -> str:
    series = [each for query in panel.queries for each in _series(query, prometheus, span)]
    # The largest, as Grafana's legend would show them first.
    series = sorted(series, key=lambda each: -max(each[2]))[:_MOST_SERIES]
    if not series:
        return '<b class="none">nothing so far</b>'
    most = max(max(values) for _, _, values in series)
    traces = [_trace(panel, *each, colour=colour) for each, colour in zip(series, cycle(_COLOURS), strict=False)]
    figure = {"data": traces, "layout": _layout(panel, span, most)}
    # What ends a script must not stand in it.
    data = json.dumps(figure).replace("</", "<\\/")
    return f'<div class="plot"><script type="application/json">{data}</script></div>'


def _trace(panel: Panel, name: str, times: list[str], values: list[float], *, colour: str) -> Json:
    line = {"width": 1.4, "color": colour}
    stack = {"stackgroup": "one"} if panel.shape is Shape.STACKED else {}
    return {"type": "scatter", "mode": "lines", "name": name[:48], "x": times, "y": values, "line": line, **stack}


def _layout(panel: Panel, span: Span, most: float) -> Json:
    limits = [(panel.warn, _WARN), (panel.bad, _BAD)]
    return {
        "height": 230,
        "margin": {"l": 46, "r": 8, "t": 6, "b": 24},
        "font": _FONT,
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.14, "font": {"size": 9}},
        "xaxis": {
            "type": "date",
            "range": [_time(each) for each in span],
            "tickformat": "%H:%M",
            "dtick": 60_000 * ceil((span[1] - span[0]) / 60 / _MOST_TICKS),
            "gridcolor": _GRID,
        },
        "yaxis": {
            # What is nothing but zeros would be drawn in the middle.
            **({"rangemode": "tozero"} if most else {"range": [0, 1]}),
            "tickformat": _FORMATS.get(panel.unit, "~s" if most >= _THOUSAND else ".3~g"),
            "ticksuffix": _SUFFIXES.get(panel.unit, ""),
            "gridcolor": _GRID,
        },
        "shapes": [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": limit,
                "y1": limit,
                "line": {"dash": "dash", "width": 1, "color": colour},
            }
            # A limit far above everything would press the lines flat.
            for limit, colour in limits
            if limit is not None and limit <= 4 * most
        ],
    }


def _series(query: Query, prometheus: Prometheus, span: Span) -> list[Series]:
    start, end = span
    found = prometheus.over(query.expression, start=start, end=end, step=max(1.0, (end - start) / _POINTS))
    return [made for each in found if (made := _points(query, each))[2]]


def _points(query: Query, found: Json) -> Series:
    numbers = [(time, float(value)) for time, value in found["values"] if value not in {"NaN", "+Inf", "-Inf"}]
    times = [_time(time) for time, _ in numbers]
    return _legend(query, found["metric"]), times, [value for _, value in numbers]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _legend(query: Query, labels: Mapping[str, str]) -> str:
    if not query.legend:
        return " ".join(labels.values()) or "value"
    name = re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), query.legend)
    return re.sub(r"\bkehu\.\w+\.v1\.", "", name)


def index(path: Path, boards: Sequence[Board]) -> None:
    """A page that leads to the others."""
    items = "".join(
        f'<li><a href="{each.name}.html">{escape(each.title)}</a>: {escape(each.description)}</li>' for each in boards
    )
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>Kehu dashboards</title><ul>{items}</ul>", encoding="utf-8"
    )
