"""Which charts there are, and what each shows."""

from __future__ import annotations

import json
from pathlib import Path

from bench.latest import Results
from bench.report import chart

_PEERS = Path(__file__).with_name("peers.json")


def charts(results: Results) -> dict[str, str]:
    """The name of a file and its SVG, for each chart that there are figures for."""
    drawn = {
        "performance-targets.svg": _targets(results),
        "performance-peers.svg": _peers(results),
        "performance-events.svg": _events(results),
        "performance-backlog.svg": _course(
            results, "sustained", "Events and messages that wait, while orders are sold"
        ),
        "performance-memory.svg": _memory(results),
    }
    return {name: svg for name, svg in drawn.items() if svg}


def _targets(results: Results) -> str:
    """How far each figure is beyond its target, or short of it."""
    bars = []
    for name, result in results.items():
        for row in result["rows"]:
            verb, _, bound = str(row["target"]).partition(" ")
            seen = row["figure"] if row["ratio"] is None else row["ratio"]
            if not bound or float(bound) <= 0 or seen <= 0:
                continue
            times = seen / float(bound) if verb == ">=" else float(bound) / seen
            bars.append((f"{name}: {row['case']}", min(times, 4.0), f"{times:.2f}", bool(row["pass"])))
    return chart.bars("Figure against target: 1 is met", bars, mark=1.0) if bars else ""


def _peers(results: Results) -> str:
    peers = json.loads(_PEERS.read_text(encoding="utf-8"))
    rows = {row["case"]: row["figure"] for row in results.get("orders", {"rows": []})["rows"]}
    ours = rows.get(peers["ours"]["rate"])
    if not ours:
        return ""
    found = [(str(each["name"]), float(each["best"])) for each in peers["peers"]]
    bars = [(name, rate, f"{rate:g}", False) for name, rate in found]
    return chart.bars("Orders a second on 2 cores", [*bars, ("Kehu, paid", ours, f"{ours:.0f}", True)])


def _events(results: Results) -> str:
    bars = [
        (str(row["case"]), float(row["figure"]), f"{row['figure']:.0f} ms", row["pass"] is not False)
        for row in results.get("event_path", {"rows": []})["rows"]
        if "commit to effect" in row["case"]
    ]
    return chart.bars("From commit to effect", bars) if bars else ""


def _course(results: Results, case: str, title: str) -> str:
    series = results.get(case, {}).get("series", {})
    return chart.lines(title, {name: [(x, y) for x, y in points] for name, points in series.items()}) if series else ""


def _memory(results: Results) -> str:
    series = results.get("memory", {}).get("series", {})
    shown = {name: [(x, y) for x, y in points] for name, points in series.items() if len(points) > 1}
    return chart.lines("Memory of each process in MiB, under load", shown) if shown else ""
