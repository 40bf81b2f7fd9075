"""The dashboards as pictures, for whoever has no Grafana: one HTML page each, drawn with Plotly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

import plotly.graph_objects as go
from plotly import io, offline

from deploy.observability.observe.server import Json, Prometheus
from deploy.observability.panels import Board, Panel, Query, Row, Shape, Unit

_POINTS = 240
_MOST_SERIES = 12
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
_CONFIG = {"displayModeBar": False, "responsive": True}
_FORMATS = {Unit.SHARE: ".1%", Unit.BYTES: ".3s", Unit.SECONDS: ".3~s"}
_SUFFIXES = {Unit.SECONDS: "s", Unit.PER_SECOND: "/s", Unit.CALLS: "/s", Unit.BYTES: "B"}

Span = tuple[float, float]


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
    return (
        f"{value:,.0f}{_SUFFIXES.get(unit, '')}"
        if value >= 100 or value == int(value)
        else f"{value:.2f}{_SUFFIXES.get(unit, '')}"
    )


def _colour(panel: Panel, value: float) -> str:
    for limit, colour in ((panel.bad, _BAD), (panel.warn, _WARN)):
        if limit is not None and (value < limit if panel.low_is_bad else value >= limit):
            return colour
    return _GOOD


def _chart(panel: Panel, prometheus: Prometheus, span: Span) -> str:
    figure = go.Figure()
    series = [each for query in panel.queries for each in _series(query, prometheus, span)]
    # The largest, as Grafana's legend would show them first.
    series = sorted(series, key=lambda each: -max(each[2]))[:_MOST_SERIES]
    for index, (name, times, values) in enumerate(series):
        stack = {"stackgroup": "one"} if panel.shape is Shape.STACKED else {}
        line = {"width": 1.4, "color": _COLOURS[index % len(_COLOURS)]}
        figure.add_scatter(x=times, y=values, name=name[:48], mode="lines", line=line, **stack)
    for limit, colour in ((panel.warn, _WARN), (panel.bad, _BAD)):
        # A limit far above everything would press the lines flat.
        if limit is not None and series and limit <= 4 * max(max(values) for _, _, values in series):
            figure.add_hline(y=limit, line={"dash": "dash", "width": 1, "color": colour})
    figure.update_layout(
        height=230,
        margin={"l": 46, "r": 8, "t": 6, "b": 24},
        font=_FONT,
        template="plotly_white",
        showlegend=True,
        legend={"orientation": "h", "y": -0.14, "font": {"size": 9}},
        yaxis={
            "rangemode": "tozero",
            "tickformat": _FORMATS.get(panel.unit, "~s"),
            "ticksuffix": _SUFFIXES.get(panel.unit, ""),
        },
        xaxis={"range": [datetime.fromtimestamp(each, UTC) for each in span], "tickformat": "%H:%M"},
    )
    return str(io.to_html(figure, full_html=False, include_plotlyjs=False, config=_CONFIG))


def _series(query: Query, prometheus: Prometheus, span: Span) -> list[tuple[str, list[datetime], list[float]]]:
    start, end = span
    found = prometheus.over(query.expression, start=start, end=end, step=max(1.0, (end - start) / _POINTS))
    return [made for each in found if (made := _points(query, each))[2]]


def _points(query: Query, found: Json) -> tuple[str, list[datetime], list[float]]:
    numbers = [(time, float(value)) for time, value in found["values"] if value not in {"NaN", "+Inf", "-Inf"}]
    times = [datetime.fromtimestamp(time, UTC) for time, _ in numbers]
    return _legend(query, found["metric"]), times, [value for _, value in numbers]


def _legend(query: Query, labels: Mapping[str, str]) -> str:
    if not query.legend:
        return " ".join(labels.values()) or "value"
    return re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), query.legend)


def index(path: Path, boards: Sequence[Board]) -> None:
    """A page that leads to the others."""
    items = "".join(
        f'<li><a href="{each.name}.html">{escape(each.title)}</a>: {escape(each.description)}</li>' for each in boards
    )
    path.write_text(
        f"<!doctype html><meta charset=utf-8><title>Kehu dashboards</title><ul>{items}</ul>", encoding="utf-8"
    )
