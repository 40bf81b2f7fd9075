"""`python -m bench [--quick] [--only relay,orders] [--seconds n] [--rows n] [--rate n] [--list]`: measure, case
by case.

Each case runs in a process of its own; its result goes into `bench/results/latest.json` as soon as it is there, so that
a run that was interrupted is taken up with `--only`, or with `--missing` for the cases without a result of this commit.
The exit status is 1 when a case could not be measured. A missed target is told, and is no error: it is a figure.
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import tempfile
from pathlib import Path

from bench import latest, machine, runner
from bench.case import CASES, Case, Pace, chosen
from bench.table import FOLDER, Table


def main() -> int:
    """Entry point; the exit status."""
    # Whoever ends this ends what it started too, in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    asked = _arguments()
    pace = Pace(quick=asked.quick, seconds=asked.seconds, rows=asked.rows, rate=asked.rate)
    if asked.list:
        for case in CASES:
            print(f"{case.name:12} {case.title}")
        return 0
    if asked.into:
        _measure(asked.only[0], pace, Path(asked.into))
        return 0
    try:
        cases = chosen(pace, asked.only)
    except ValueError as error:
        sys.exit(str(error))
    if asked.missing:
        commit = machine.describe()["commit"]
        known = latest.read()
        cases = [case for case in cases if known.get(case.name, {}).get("machine", {}).get("commit") != commit]
    return _run(cases, pace)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="a short run, for every day")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="cases, with commas between them")
    parser.add_argument("--missing", action="store_true", help="only cases without a result of this commit")
    parser.add_argument("--seconds", type=float, help="how long the measured part of a case takes")
    parser.add_argument("--rows", type=int, help="how many rows, events or calls")
    parser.add_argument("--rate", type=float, help="how many orders or calls a second")
    parser.add_argument("--list", action="store_true", help="say which cases there are")
    parser.add_argument("--into", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(name: str, pace: Pace, into: Path) -> None:
    """Run a case in this process, and write down what it found."""
    table = Table(FOLDER / f"{name}.json")
    importlib.import_module(f"bench.cases.{name}").run(pace, table)
    found = {"rows": [row.as_json() for row in table.rows], "series": table.series, "lines": table.lines}
    into.write_text(json.dumps({name: value for name, value in found.items() if value}))


def _run(cases: list[Case], pace: Pace) -> int:
    failed = []
    measured = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            print(f"\n== {case.title} ({case.name})", flush=True)
            result = runner.run(case, pace, Path(folder))
            if result is None:
                failed.append(case.name)
            else:
                latest.keep(case.name, result)
                measured[case.name] = result
    print()
    for miss in latest.misses(measured):
        print(f"missed  {miss}")
    for name in failed:
        print(f"FAILED  {name} could not be measured; `python -m bench --only {name}` runs it again")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
