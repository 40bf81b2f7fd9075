"""A Board as Grafana's JSON, by Grafana's own library."""

from __future__ import annotations

from collections.abc import Iterable

from grafana_foundation_sdk.builders import common as commons
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard

from deploy.observability.panels import Board, Panel, Query, Shape

TAG = "kehu"
RUNBOOKS = "docs/operations.md"
"""The default of the variable `runbooks`; the chart puts an address in its place."""
_SOURCE = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")
_GOOD, _WARN, _BAD = "green", "orange", "red"


def render(board: Board) -> str:
    """The JSON of a dashboard."""
    builder = (
        dashboards.Dashboard(f"Kehu / {board.title}")
        .uid(f"kehu-{board.name}")
        .description(board.description)
        .tags([TAG])
        .editable()
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboards.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(dashboards.ConstantVariable("runbooks").label("Runbooks").value(RUNBOOKS))
        .link(
            dashboards.DashboardLink("Kehu")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .keep_time(True)
        )
        .annotation(_peaks())
    )
    for row in board.rows:
        builder = builder.with_row(dashboards.Row(row.title))
        for panel in row.panels:
            builder = builder.with_panel(_panel(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(builder.build()) + "\n"


def _peaks() -> dashboards.AnnotationQuery:
    """Announced peaks: annotations with the tag `kehu-peak`, which whoever announces one writes into Grafana."""
    return (
        dashboards.AnnotationQuery()
        .name("Peaks")
        .datasource(dashboard.DataSourceRef(type_val="grafana", uid="-- Grafana --"))
        .enable(True)
        .icon_color("purple")
        .target(dashboards.AnnotationTarget().limit(100).match_any(True).tags(["kehu-peak"]).type("tags"))
    )


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel:
    made = _number() if panel.shape is Shape.NUMBER else _lines(panel)
    return (
        made.title(panel.title)
        .description(panel.description)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .span(panel.width)
        .height(panel.height)
        .thresholds(_thresholds(panel))
        .links([dashboards.DashboardLink("Runbook").url(f"${{runbooks}}#{panel.runbook}").target_blank(True)])
        .targets([_target(query, ref) for query, ref in _lettered(panel.queries)])
    )


def _number() -> stat.Panel:
    return stat.Panel().reduce_options(commons.ReduceDataOptions().calcs(["lastNotNull"]))


def _lines(panel: Panel) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .min(0)
        .line_width(1)
        .fill_opacity(30 if panel.shape is Shape.STACKED else 8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(commons.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))
        .tooltip(commons.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    )
    if panel.shape is Shape.STACKED:
        made = made.stacking(commons.StackingConfig().mode(common.StackingMode.NORMAL))
    if panel.warn is not None or panel.bad is not None:
        made = made.thresholds_style(commons.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED))
    return made


def _thresholds(panel: Panel) -> dashboards.ThresholdsConfig:
    """Colours by value, from minus infinity upwards."""
    found = [(panel.warn, _WARN), (panel.bad, _BAD)]
    steps = [(value, colour) for value, colour in found if value is not None]
    colours = [_GOOD, *(colour for _, colour in steps)]
    values = [value for value, _ in steps]
    if panel.low_is_bad:
        values, colours = sorted(values), colours[::-1]
    made = [
        dashboard.Threshold(value=value, color=colour) for value, colour in zip((None, *values), colours, strict=True)
    ]
    return dashboards.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(made)


def _target(query: Query, ref: str) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expression).ref_id(ref).range().datasource(_SOURCE)
    return made.legend_format(query.legend) if query.legend else made


def _lettered(queries: Iterable[Query]) -> list[tuple[Query, str]]:
    return [(query, chr(ord("A") + index)) for index, query in enumerate(queries)]
