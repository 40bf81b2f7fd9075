"""The charts of the report. Each says one thing, in one look."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from cli.demo.latency import Latency, histogram
from cli.demo.report_data import POINTS_EDGES, Cohorts, Data, Flow, Weeks

INK = "#1e293b"
FAINT = "#64748b"
GRID = "#e8ecf2"
BLUE, TEAL, AMBER, ROSE = "#2f6fed", "#0f9d8a", "#f0a020", "#e5486d"
_TIERS = {"silver": "#a9b6c8", "gold": "#f2b632", "platinum": "#6366b8"}
_DEPTHS = ["#f4f7fd", "#d3e1fb", "#9dbdf6", "#5d92ef", "#2f6fed", "#1b48a8"]
_SCALE = [[index / (len(_DEPTHS) - 1), color] for index, color in enumerate(_DEPTHS)]
_BINS = 60
_FONT = {"family": "Inter, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', sans-serif", "color": INK}


def figures(data: Data, latencies: list[Latency]) -> dict[str, go.Figure]:
    """Every chart by the name of its place on the page."""
    return {
        "revenue": revenue(data.weeks),
        "rfm": rfm(data.rfm),
        "tiers": tiers(data),
        "points": points(data.points),
        "cohorts": cohorts(data.cohorts),
        "funnel": funnel(data.funnel),
        "flow": flow(data.flow),
        "latency": latency(latencies),
    }


def revenue(weeks: Weeks) -> go.Figure:
    """Revenue as an area, orders as a line over it."""
    figure = _figure(height=320, legend=True)
    figure.add_scatter(
        x=weeks.days,
        y=weeks.revenue,
        name="revenue, USD",
        fill="tozeroy",
        mode="lines",
        line={"color": BLUE, "width": 2, "shape": "spline", "smoothing": 0.5},
        fillcolor="rgba(47,111,237,.14)",
        hovertemplate="%{x|%d %b %Y}: $%{y:,.0f}<extra></extra>",
    )
    figure.add_scatter(
        x=weeks.days,
        y=weeks.orders,
        name="orders",
        yaxis="y2",
        mode="lines",
        line={"color": AMBER, "width": 1.6},
        hovertemplate="%{x|%d %b %Y}: %{y:,} orders<extra></extra>",
    )
    figure.update_layout(
        yaxis={"tickprefix": "$", "tickformat": "~s", "rangemode": "tozero"},
        yaxis2={"overlaying": "y", "side": "right", "showgrid": False, "zeroline": False, "rangemode": "tozero"},
    )
    figure.update_layout(yaxis2={"tickmode": "auto", "nticks": 6, "tickformat": ",", "tickfont": {"color": FAINT}})
    return figure


def rfm(cells: dict[tuple[int, int, int], int]) -> go.Figure:
    """How many customers have which scores of recency and frequency."""
    scores = range(1, 6)
    grid = [
        [sum(count for (r, f, _), count in cells.items() if (r, f) == (recency, frequency)) for recency in scores]
        for frequency in scores
    ]
    figure = _heatmap(grid, [[f"{value:,}" if value else "" for value in row] for row in grid], height=320)
    figure.data[0].update(
        x=list(scores),
        y=list(scores),
        hovertemplate="recency %{x}, frequency %{y}<br>%{z:,} customers<extra></extra>",
    )
    figure.update_layout(
        xaxis={"title": "recency score 最近购买", "dtick": 1, "showgrid": False},
        yaxis={"title": "frequency score 购买频次", "dtick": 1, "showgrid": False},
    )
    return figure


def tiers(data: Data) -> go.Figure:
    """Members of each tier, month by month."""
    figure = _figure(height=300, legend=True)
    for name, values in data.tiers.items():
        figure.add_scatter(
            x=data.tier_months,
            y=values,
            name=name,
            stackgroup="tiers",
            mode="lines",
            line={"width": 0.6, "color": _TIERS[name]},
            fillcolor=_TIERS[name],
            hovertemplate=f"%{{x|%b %Y}}: %{{y:,}} {name}<extra></extra>",
        )
    figure.update_layout(yaxis={"tickformat": ","})
    return figure


def points(counts: list[int]) -> go.Figure:
    """Members by their balance of points."""
    ends = [*POINTS_EDGES[1:], None]
    names = [_range(first, end) for first, end in zip(POINTS_EDGES, ends, strict=True)]
    figure = _figure(height=300)
    figure.add_bar(
        x=names,
        y=counts,
        marker={"color": TEAL, "cornerradius": 5},
        text=[f"{count:,}" for count in counts],
        textposition="outside",
        textfont={"size": 11, "color": FAINT},
        cliponaxis=False,
        hovertemplate="%{x} points: %{y:,} members<extra></extra>",
    )
    figure.update_layout(bargap=0.22, xaxis={"type": "category", "showgrid": False}, yaxis={"tickformat": ","})
    return figure


def cohorts(found: Cohorts) -> go.Figure:
    """The share of each month's new customers that bought again, by the months since."""
    names = [f"{month} ({size:,})" for month, size in zip(found.months, found.sizes, strict=True)]
    later = [row[1:] for row in found.shares]
    shown = [[f"{share:.0%}" if share is not None else "" for share in row] for row in later]
    figure = _heatmap(later, shown, height=250)
    figure.data[0].update(
        x=list(range(1, len(later[0]) + 1)) if later else [],
        y=names,
        hovertemplate="%{y}, month %{x}: %{z:.1%} bought again<extra></extra>",
    )
    figure.update_layout(
        xaxis={"title": "months after the first purchase 首购后月数", "dtick": 1, "showgrid": False},
        yaxis={"autorange": "reversed", "showgrid": False},
    )
    return figure


def funnel(stages: list[tuple[str, int]]) -> go.Figure:
    """Leads and opportunities on their way to the win."""
    figure = _figure(height=250)
    figure.add_funnel(
        y=[stage.capitalize() for stage, _ in stages],
        x=[count for _, count in stages],
        marker={"color": ["#b9cdf8", "#8fb0f4", "#6693f0", "#4078ea", "#2f6fed", TEAL][: len(stages)]},
        connector={"fillcolor": "#f1f5fc", "line": {"width": 0}},
        textinfo="value",
        textfont={"size": 12},
        hovertemplate="%{y}: %{x:,}<extra></extra>",
    )
    figure.update_layout(margin={"l": 80, "r": 16, "t": 8, "b": 16}, yaxis={"showgrid": False})
    return figure


def flow(found: Flow) -> go.Figure:
    """Rows per second while the history was imported."""
    figure = _figure(height=300, legend=True)
    for name, values, color in (
        ("orders committed", found.orders, BLUE),
        ("effects in members", found.members, TEAL),
        ("effects in campaigns", found.campaigns, AMBER),
    ):
        figure.add_scatter(
            x=found.seconds,
            y=_smooth(values),
            name=name,
            mode="lines",
            line={"color": color, "width": 2},
            hovertemplate=f"second %{{x}}: %{{y:,.0f}} {name}<extra></extra>",
        )
    figure.update_layout(xaxis={"title": "seconds 秒"}, yaxis={"tickformat": ",", "rangemode": "tozero"})
    return figure


def latency(found: list[Latency]) -> go.Figure:
    """How long single orders took from commit to effect, with median and 99th percentile."""
    figure = _figure(height=300, legend=True)
    # One event in a thousand may lie to the right: the rest is what there is to see.
    end = max((each.quantile(0.999) for each in found), default=0.0)
    for each, color in zip(found, (TEAL, AMBER), strict=False):
        edges, counts = histogram([second for second in each.seconds if second <= end], bins=_BINS)
        figure.add_bar(
            x=[edge * 1000 for edge in edges],
            y=counts,
            name=f"{each.consumer}: p50 {each.quantile(0.5) * 1000:.0f} ms, p99 {each.quantile(0.99) * 1000:.0f} ms",
            marker={"color": color, "line": {"width": 0}},
            opacity=0.62,
            hovertemplate="%{x:.0f} ms: %{y:,} events<extra></extra>",
        )
    if found:
        # The consumers' figures lie close together; one pair of lines keeps the picture clear.
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            worst = max(each.quantile(share) for each in found)
            figure.add_vline(
                x=worst * 1000,
                line={"color": ROSE if share > 0.9 else FAINT, "dash": "dot", "width": 1.5},
                annotation={"text": name, "font": {"size": 11, "color": FAINT}, "yanchor": "bottom"},
            )
    figure.update_layout(
        barmode="overlay",
        bargap=0.04,
        margin={"t": 62},
        legend={"orientation": "v", "y": 1.1},
        xaxis={"title": "milliseconds 毫秒"},
    )
    return figure


def _figure(*, height: int, legend: bool = False) -> go.Figure:
    axis: dict[str, Any] = {"gridcolor": GRID, "zeroline": False, "linecolor": GRID, "tickfont": {"color": FAINT}}
    figure = go.Figure()
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 52, "r": 44 if legend else 16, "t": 30 if legend else 14, "b": 46},
        font={**_FONT, "size": 12},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=legend,
        legend={"orientation": "h", "y": 1.02, "x": 0, "yanchor": "bottom", "font": {"size": 11.5}},
        hoverlabel={"bgcolor": "white", "bordercolor": GRID, "font": {**_FONT, "size": 12}},
        xaxis=axis,
        yaxis=axis,
    )
    figure.update_xaxes(title_font={"size": 11.5, "color": FAINT})
    figure.update_yaxes(title_font={"size": 11.5, "color": FAINT})
    return figure


def _heatmap(grid: list[Any], shown: list[list[str]], *, height: int) -> go.Figure:
    figure = _figure(height=height)
    figure.add_heatmap(
        z=grid, text=shown, texttemplate="%{text}", textfont={"size": 11}, colorscale=_SCALE, showscale=False
    )
    figure.data[0].update(xgap=3, ygap=3)
    figure.update_layout(margin={"l": 96, "r": 12, "t": 10, "b": 46})
    return figure


def _smooth(values: list[int]) -> list[float]:
    """The mean of three seconds: batches make single seconds jump."""
    return [sum(values[max(at - 1, 0) : at + 2]) / len(values[max(at - 1, 0) : at + 2]) for at in range(len(values))]


def _range(first: int, end: int | None) -> str:
    if end is None:
        return f"{first:,}+"
    return str(first) if end == first + 1 else f"{first:,}–{end - 1:,}"
