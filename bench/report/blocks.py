"""The generated parts of the page: what stands between `<!-- bench: what -->` and `<!-- end -->`.

`what` is the name of a case (its table), `chart name.svg`, `machine`, `peers`, `summary`, `limit`, or `lines` (of the
profiles).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from bench.latest import Results
from cli.capacity import costs

_BLOCK = re.compile(r"(<!-- bench: (?P<what>[^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_PEERS = Path(__file__).with_name("peers.json")
_NOTHING = "Not measured yet.\n"


def fill(page: str, results: Results, charts: AbstractSet[str]) -> str:
    """The page with its generated parts made anew."""

    def block(match: re.Match[str]) -> str:
        return match[1] + made(match["what"], results, charts) + match[3]

    return _BLOCK.sub(block, page)


def made(what: str, results: Results, charts: AbstractSet[str]) -> str:
    """One generated part. Raises KeyError for one that nobody knows how to make."""
    kind, _, name = what.partition(" ")
    if kind == "chart":
        return f"![{name.removesuffix('.svg').replace('-', ' ')}](images/{name})\n" if name in charts else _NOTHING
    if kind in _PARTS:
        return _PARTS[kind](results)
    return table(results[what]) if what in results else _NOTHING


def table(result: dict[str, Any]) -> str:
    """A case's figures, and when and how they were taken."""
    lines = ["| | figure | | beside its baseline | target | |", "|---|---:|---|---:|---|---|"]
    for row in result["rows"]:
        apart = f" ± {row['spread'] / 2:.0%}" if row.get("spread") else ""
        ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else ""
        verdict = {None: "", True: "met", False: "**missed**"}[row["pass"]]
        figure = f"{number(row['figure'])}{apart} | {row['unit']}"
        lines.append(f"| {row['case']} | {figure} | {ratio} | {row['target']} | {verdict} |")
    return "\n".join([*lines, "", conditions(result), ""])


def conditions(result: dict[str, Any]) -> str:
    """When, how long, and whether anything else went on."""
    how = "short run" if result["quick"] else "whole run"
    busy = f", **while other work loaded the machine** (load average {result['load_before']})" if result["busy"] else ""
    return f"*{result['time'][:16].replace('T', ' ')} UTC, {how}, commit {result['machine']['commit']}{busy}.*"


def number(value: float) -> str:
    """A figure as people read it: three places, or none where there are enough digits before them."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}".rstrip("0").rstrip(".")


def _machine(results: Results) -> str:
    if not results:
        return _NOTHING
    newest = max(results.values(), key=lambda result: str(result["time"]))["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in newest["packages"].items())
    return (
        f"{newest['cpus']} cores ({newest['cpu']}), {newest['memory_gib']} GiB, {newest['system']}, "
        f"Python {newest['python']}, PostgreSQL {newest['postgresql']}, RabbitMQ {newest['rabbitmq']}; {packages}.\n"
    )


def _summary(results: Results) -> str:
    """Every target, one line each."""
    rows = [(name, row) for name, result in results.items() for row in result["rows"] if row["pass"] is not None]
    if not rows:
        return _NOTHING
    met = sum(1 for _, row in rows if row["pass"])
    lines = [f"{met} of {len(rows)} targets are met.", "", "| case | missed | figure | target |", "|---|---|---:|---|"]
    for name, row in rows:
        if not row["pass"]:
            seen = row["figure"] if row["ratio"] is None else row["ratio"]
            unit = row["unit"] if row["ratio"] is None else "of the baseline"
            lines.append(f"| {name} | {row['case']} | {number(seen)} {unit} | {row['target']} |")
    return "\n".join(lines if met < len(rows) else lines[:1]) + "\n"


def _peers(results: Results) -> str:
    peers = json.loads(_PEERS.read_text(encoding="utf-8"))
    lines = ["| | calls and SQL statements of an order | orders/s | 200 buyers of 50 units |", "|---|---|---|---|"]
    lines += [f"| {each['name']} | {each['cost']} | {each['rate']} | {each['race']} |" for each in peers["peers"]]
    ours = {row["case"]: row for row in results.get("orders", {"rows": []})["rows"]}
    paid = ours.get(peers["ours"]["rate"])
    alone, together = (ours.get(peers["ours"][name]) for name in ("statements", "statements_together"))
    if paid and alone and together:
        cost = f"2 calls, {number(alone['figure'])} SQL alone, {number(together['figure'])} in company"
        lines.append(f"| **Kehu**, paid | {cost} | **{number(paid['figure'])}** (128 clients) | 50 accepted |")
    return "\n".join([*lines, "", f"*{peers['conditions']}*", ""])


def _lines(results: Results) -> str:
    found = results.get("profiles", {}).get("lines", {})
    if not found:
        return _NOTHING
    lines = ["| process | line | share of its time | flame graph |", "|---|---|---:|---|"]
    for process, dearest in found.items():
        for place, each in enumerate(dearest[:3]):
            graph = f"[{process}.svg](../bench/results/profiles/{process}.svg)" if place == 0 else ""
            lines.append(f"| {process} | `{each['function']}` {each['place']} | {each['share']:.0%} | {graph} |")
    return "\n".join([*lines, "", conditions(results["profiles"]), ""])


def _limit(_: Results) -> str:
    """What bounds a paid order: the CPU of everybody it passes."""
    if not costs.FILE.exists():
        return _NOTHING
    found = costs.load()
    spent = {name: cost.cpu_ms for name, cost in found.processes.items()}
    spent |= {f"PostgreSQL, {name}": cost.cpu_ms for name, cost in found.databases.items()}
    spent |= {"PostgreSQL, all": found.shared_database_cpu_ms, "Envoy": found.gateway_cpu_ms}
    spent |= {"RabbitMQ": found.broker_cpu_ms}
    total = sum(spent.values())
    lines = ["| who | CPU of a paid order, ms | share |", "|---|---:|---:|"]
    dearest = sorted(spent.items(), key=lambda each: each[1], reverse=True)
    lines += [f"| {name} | {ms:.2f} | {ms / total:.0%} |" for name, ms in dearest if ms >= total / 100]
    lines.append(f"| together | {total:.2f} | at most {2_000 / total:,.0f} orders/s on two cores |")
    return "\n".join([*lines, "", f"*{found.measured}.*", ""])


_PARTS: dict[str, Callable[[Results], str]] = {
    "machine": _machine,
    "summary": _summary,
    "peers": _peers,
    "lines": _lines,
    "limit": _limit,
}
