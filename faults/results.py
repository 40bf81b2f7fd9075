"""What is kept of the runs: `faults/results/latest.json`, where a run of some faults leaves the others as they were."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faults.playing import Outcome

FILE = Path(__file__).parent / "results" / "latest.json"
CHAOS = FILE.with_name("chaos.json")

Line = dict[str, Any]


def keep(outcomes: Sequence[Outcome]) -> None:
    """Write down what came of some runs."""
    lines = {(line["fault"], line["seconds"]): line for line in read()} if FILE.exists() else {}
    replaced = {each.fault.name for each in outcomes}
    lines = {key: line for key, line in lines.items() if key[0] not in replaced}
    lines |= {(each.fault.name, each.seconds): line_of(each) for each in outcomes}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(list(lines.values()), indent=2, ensure_ascii=False) + "\n")


def keep_chaos(outcomes: Mapping[int, Outcome]) -> None:
    """Write down what came of runs of chaos, by their seeds; those of other seeds stay."""
    lines = json.loads(CHAOS.read_text()) if CHAOS.exists() else {}
    lines |= {str(seed): line_of(each) for seed, each in outcomes.items()}
    CHAOS.parent.mkdir(exist_ok=True)
    CHAOS.write_text(json.dumps(lines, indent=2, ensure_ascii=False) + "\n")


def read() -> list[Line]:
    """What was written down last."""
    found: list[Line] = json.loads(FILE.read_text())
    return found


def line_of(outcome: Outcome) -> Line:
    """One run as JSON."""
    counts = outcome.counts
    return {
        "fault": outcome.fault.name,
        "seconds": outcome.seconds,
        "verdict": outcome.word,
        "lost": counts.lost,
        "duplicated": counts.duplicated,
        "unexpected": counts.unexpected,
        "recovered": counts.recovered,
        "sets": outcome.sets,
        "promises": outcome.promised,
        "calls": outcome.calls,
        "failed_calls": sum(outcome.failed.values()),
        "failed_by_code": outcome.failed,
        "seconds_until_calls_succeed": round(outcome.recovery_calls, 1),
        "seconds_until_effects_settle": round(outcome.recovery_effects, 1),
        "findings": [{"title": each.title, "holds": each.holds, "seen": each.seen} for each in outcome.findings],
        "wrong": outcome.wrong,
        "skipped": outcome.skipped,
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
    }
