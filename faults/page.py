"""`python -m faults.page`: write the tables of docs/reliability.md from the results; with `--check`, compare alone."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from faults.fault import Fault
from faults.registry import FAULTS
from faults.results import CHAOS, FILE, Line, read

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
_HEAD = ("fault", "expected", "seen", "calls well again after", "effects settled after", "runbook")


def main() -> int:
    """Entry point."""
    text = PAGE.read_text()
    fresh = written(text)
    if "--check" in sys.argv:
        return int(text != fresh)
    PAGE.write_text(fresh)
    return 0


def written(text: str) -> str:
    """The page with its tables as the results have them."""
    lines = read() if FILE.exists() else []
    text = _between(text, "faults", _faults(lines))
    text = _between(text, "soak", _soak([line for line in lines if line["fault"] == "soak"]))
    return _between(text, "chaos", _chaos(json.loads(CHAOS.read_text()) if CHAOS.exists() else {}))


def _between(text: str, name: str, table: str) -> str:
    marks = re.compile(rf"(<!-- {name} begin -->\n).*?(<!-- {name} end -->)", re.DOTALL)
    return marks.sub(lambda found: f"{found[1]}{table}{found[2]}", text)


def _faults(lines: Sequence[Line]) -> str:
    rows = [_row(fault, [line for line in lines if line["fault"] == fault.name]) for fault in FAULTS]
    return _table(_HEAD, rows)


def _row(fault: Fault, lines: Sequence[Line]) -> tuple[str, ...]:
    link = f"[there]({fault.runbook})"
    title = f"`{fault.name}`: {fault.title}"
    judged = [line for line in lines if not line["skipped"]]
    if not judged:
        why = f"skipped: {lines[0]['skipped']}" if lines else "not run yet"
        return title, fault.expected, why, "", "", link
    seen = "; ".join(f"{line['seconds']:.0f} s: {_seen(line)}" for line in judged)
    calls = " and ".join(f"{line['seconds_until_calls_succeed']:.0f} s" for line in judged)
    effects = " and ".join(f"{line['seconds_until_effects_settle']:.0f} s" for line in judged)
    return title, fault.expected, seen, calls, effects, link


def _seen(line: Line) -> str:
    counts = [f"{line[what]} {what}" for what in ("lost", "duplicated", "unexpected") if line[what]]
    bad = ", ".join(counts) or "0 lost, 0 duplicated, 0 unexpected"
    verdict = "" if line["verdict"] == "pass" else f"**{line['verdict']}** "
    return f"{verdict}{bad}, {line['recovered']} recovered of {line['promises']}"


def _soak(lines: Sequence[Line]) -> str:
    """What each process had, as the soak found it."""
    memory = [re.fullmatch(r"memory of (\S+) is flat", each["title"]) for line in lines for each in line["findings"]]
    seen = [each["seen"] for line in lines for each in line["findings"]]
    rows = [(f"`{found[1]}`", *said.split(", then ")) for found, said in zip(memory, seen, strict=True) if found]
    return _table(("process", "second third", "last third"), rows)


def _chaos(lines: dict[str, Line]) -> str:
    rows = [
        (seed, f"{line['seconds'] / 60:.0f} min", line["verdict"], _seen(line), str(line["calls"]))
        for seed, line in sorted(lines.items(), key=lambda each: int(each[0]))
    ]
    return _table(("seed", "length", "verdict", "seen", "calls"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
