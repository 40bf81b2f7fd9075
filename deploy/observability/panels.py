"""What a dashboard is made of, said once for Grafana and for our own renderer.

An expression may use `$__rate_interval`, as Grafana does, and nothing else that is not PromQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

SERVICES = '{service=~"members|orders|campaigns|pipeline"}'
"""The processes of ours, in a Prometheus that scrapes others too."""


class Unit(StrEnum):
    """Grafana's names of the units that we use."""

    SECONDS = "s"
    PER_SECOND = "cps"
    CALLS = "reqps"
    SHARE = "percentunit"
    COUNT = "short"
    BYTES = "bytes"
    TIME = "dateTimeFromNow"


class Shape(StrEnum):
    """How a panel is drawn."""

    LINES = "lines"
    STACKED = "stacked"
    NUMBER = "number"


@dataclass(frozen=True)
class Query:
    """One expression, and how its series are named: `{{label}}` stands for a label's value."""

    expression: str
    legend: str = ""
    hidden: str = ""
    """The part of it that a default stands in for when it has nothing to say."""


@dataclass(frozen=True)
class Panel:
    """One question, answered by a picture.

    `runbook` is the section of docs/operations.md to read when the answer is bad. From `warn` and `bad` on it is; with
    `low_is_bad`, below them.
    """

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    runbook: str
    shape: Shape = Shape.LINES
    warn: float | None = None
    bad: float | None = None
    low_is_bad: bool = False
    width: int = 8
    """Of 24 columns."""

    @property
    def height(self) -> int:
        """In Grafana's rows of 30 pixels."""
        return 4 if self.shape is Shape.NUMBER else 8


@dataclass(frozen=True)
class Row:
    """Panels that answer one question together."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """A dashboard. Its name is its file's and its address in Grafana (`kehu-name`)."""

    name: str
    title: str
    description: str
    rows: tuple[Row, ...]

    @property
    def panels(self) -> Iterator[Panel]:
        """All of them, in the order of reading."""
        return (panel for row in self.rows for panel in row.panels)


def lines(
    title: str,
    description: str,
    unit: Unit,
    *queries: Query,
    runbook: str,
    warn: float | None = None,
    bad: float | None = None,
    width: int = 8,
) -> Panel:
    """Values over time, with lines where they become bad."""
    return Panel(title, description, unit, queries, runbook, Shape.LINES, warn, bad, width=width)


def stacked(title: str, description: str, unit: Unit, *queries: Query, runbook: str, width: int = 8) -> Panel:
    """Parts of a whole over time."""
    return Panel(title, description, unit, queries, runbook, Shape.STACKED, width=width)


def number(
    title: str,
    description: str,
    unit: Unit,
    expression: str,
    *,
    runbook: str,
    warn: float | None = None,
    bad: float | None = None,
    low_is_bad: bool = False,
    width: int = 4,
) -> Panel:
    """One figure: the value now."""
    queries = (Query(expression),)
    return Panel(title, description, unit, queries, runbook, Shape.NUMBER, warn, bad, low_is_bad, width)


def quantiles(metric: str, by: str = "", *, selector: str = "") -> tuple[Query, ...]:
    """p50 and p99 of a histogram."""
    labels = f"le, {by}" if by else "le"
    return tuple(
        Query(
            f"histogram_quantile({quantile}, sum by ({labels}) (rate({metric}_bucket{selector}[$__rate_interval])))",
            f"{_named_by(by)} {name}".strip(),
        )
        for quantile, name in ((0.5, "p50"), (0.99, "p99"))
    )


def slowest(metric: str, by: str, *, most: int) -> Query:
    """The labels with the longest p99 of a histogram."""
    (_, p99) = quantiles(metric, by)
    return Query(f"topk({most}, {p99.expression})", _named_by(by))


def average(metric: str, by: str) -> Query:
    """The mean of a histogram."""
    total, count = (f"sum by ({by}) (rate({metric}_{part}[$__rate_interval]))" for part in ("sum", "count"))
    return Query(f"{total} / {count}", _named_by(by))


def rate(metric: str, by: str = "", *, selector: str = "", legend: str = "") -> Query:
    """How fast a counter grows, each second."""
    total = f"sum by ({by}) " if by else "sum"
    return Query(f"{total}(rate({metric}{selector}[$__rate_interval]))", legend or _named_by(by))


def share(metric: str, by: str, *, selector: str) -> Query:
    """The part of a counter's growth that a selector picks."""
    part, whole = (f"sum by ({by}) (rate({metric}{which}[$__rate_interval]))" for which in (selector, ""))
    return Query(f"({part} or 0 * {whole}) / {whole}", _named_by(by), part)


def total(metric: str, by: str, *, selector: str = "") -> Query:
    """A gauge of single processes, summed."""
    return Query(f"sum by ({by}) ({metric}{selector})", _named_by(by))


def seen(metric: str, by: str) -> Query:
    """A gauge that each process tells of the whole."""
    return Query(f"max by ({by}) ({metric})", _named_by(by))


def _named_by(labels: str) -> str:
    """The legend that tells series by these labels."""
    return " ".join(f"{{{{{label.strip()}}}}}" for label in labels.split(",") if label)


POOLS_IN_USE = Query(
    "sum by (service, role) (db_pool_in_use) / sum by (service, role) (db_pool_size)", _named_by("service, role")
)
"""The share of each pool of database connections that transactions have."""
