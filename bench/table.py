"""The table that a benchmark prints and keeps: figures, their ratio to a baseline of the same run, and the target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench import stats

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One line of the table. `target` bounds the ratio to the baseline, or the figure where there is no baseline;
    `spread` is the distance of the repetitions as a share of their median."""

    case: str
    figure: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    target: str = ""
    passed: bool | None = None
    spread: float | None = None

    def as_json(self) -> dict[str, object]:
        """As it stands in a file."""
        return {("pass" if key == "passed" else key): value for key, value in asdict(self).items()}


@dataclass
class Table:
    """What was measured so far, and the file that keeps it."""

    results: Path
    rows: list[Row] = field(default_factory=list)
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Courses of figures over time, for the charts: a name, and pairs of second and value."""
    lines: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    """Dearest lines of code of each process that was profiled."""

    def add(
        self,
        case: str,
        figure: float | Sequence[float],
        unit: str,
        *,
        baseline: float | None = None,
        least: float | None = None,
        most: float | None = None,
    ) -> float:
        """Note a figure, or the median of several; `least` and `most` bound its ratio to the baseline, or itself if
        there is none. Answers the figure."""
        taken = [float(figure)] if isinstance(figure, int | float) else list(figure)
        value = median(taken)
        apart = stats.spread(taken) if len(taken) > 1 else None
        ratio = value / baseline if baseline else None
        judged = value if ratio is None else ratio
        target = f">= {least:g}" if least is not None else f"<= {most:g}" if most is not None else ""
        passed = judged >= least if least is not None else judged <= most if most is not None else None
        row = Row(
            case,
            round(value, 2),
            unit,
            baseline and round(baseline, 2),
            ratio and round(ratio, 3),
            target,
            passed,
            None if apart is None else round(apart, 3),
        )
        self.rows.append(row)
        ratio_text = f"{ratio:.2f}" if ratio is not None else ""
        apart_text = f"±{apart / 2:.0%}" if apart is not None else ""
        verdict = {None: "", True: "pass", False: "MISS"}[passed]
        print(f"{case:58} {value:12,.1f} {unit:10} {apart_text:>5} {ratio_text:>6} {target:>10} {verdict}", flush=True)
        return value

    def course(self, name: str, points: Sequence[tuple[float, float]]) -> None:
        """Keep how a figure went over time."""
        self.series[name] = [(round(x, 1), round(y, 3)) for x, y in points]

    def write(self) -> None:
        """Keep the figures."""
        self.results.parent.mkdir(exist_ok=True)
        self.results.write_text(json.dumps([row.as_json() for row in self.rows], indent=2) + "\n")
