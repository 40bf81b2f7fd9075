"""The table that a benchmark prints and keeps: figures, their ratio to a baseline of the same run, and the target."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One line of the table. `target` bounds the ratio to the baseline, or the figure where there is no baseline."""

    case: str
    figure: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    target: str = ""
    passed: bool | None = None


@dataclass
class Table:
    """What was measured so far, and the file that keeps it."""

    results: Path
    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        case: str,
        figure: float,
        unit: str,
        *,
        baseline: float | None = None,
        least: float | None = None,
        most: float | None = None,
    ) -> float:
        """Note a figure; `least` and `most` bound its ratio to the baseline, or itself if there is none."""
        ratio = figure / baseline if baseline else None
        judged = figure if ratio is None else ratio
        target = f">= {least:g}" if least is not None else f"<= {most:g}" if most is not None else ""
        passed = judged >= least if least is not None else judged <= most if most is not None else None
        row = Row(
            case, round(figure, 2), unit, baseline and round(baseline, 2), ratio and round(ratio, 3), target, passed
        )
        self.rows.append(row)
        ratio_text = f"{ratio:.2f}" if ratio is not None else ""
        verdict = {None: "", True: "pass", False: "MISS"}[passed]
        print(f"{case:58} {figure:12,.1f} {unit:10} {ratio_text:>6} {target:>10} {verdict}", flush=True)
        return figure

    def write(self) -> None:
        """Keep the figures."""
        self.results.parent.mkdir(exist_ok=True)
        rows = [
            {("pass" if key == "passed" else key): value for key, value in asdict(row).items()} for row in self.rows
        ]
        self.results.write_text(json.dumps(rows, indent=2) + "\n")
