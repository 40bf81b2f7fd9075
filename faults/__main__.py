"""`python -m faults`: make faults in a suite of one's own, print what came of each, keep it in `faults/results`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.problem import explained
from faults import namespace, results
from faults.arena import Arena
from faults.fault import Fault
from faults.place import arena
from faults.playing import Manner, Outcome, play
from faults.registry import FAULTS


@explained()
def main() -> int:
    """Entry point; 1 if anything was not as it must be."""
    arguments = _arguments()
    if arguments.list:
        for each in FAULTS:
            print(f"{each.name:24} {each.title}")
        return 0
    chosen = _chosen(arguments.only, quick=arguments.quick)
    namespace.enter("faults")
    manner = Manner(rate=arguments.rate)
    runs = [(fault, seconds) for fault in chosen for seconds in arguments.seconds[: None if fault.lengths else 1]]
    outcomes = []
    for disks, clustered in sorted({(fault.small_disks, fault.clustered) for fault, _ in runs}):
        these = [run for run in runs if (run[0].small_disks, run[0].clustered) == (disks, clustered)]
        if disks and not namespace.entered():
            outcomes += [_told(Outcome(*run, skipped="needs root, and Debian's iproute2")) for run in these]
            continue
        with arena(arguments.suite, small_disks=disks, clustered=clustered) as place:
            outcomes += [_played(place, fault, seconds, manner) for fault, seconds in these]
    if arguments.keep:
        results.keep(outcomes)
    return 0 if all(each.passed or each.skipped for each in outcomes) else 1


def _played(place: Arena, fault: Fault, seconds: float, manner: Manner) -> Outcome:
    return _told(play(place, fault, seconds, manner))


def _told(outcome: Outcome) -> Outcome:
    counts, failed = outcome.counts, ", ".join(f"{times} {code}" for code, times in outcome.failed.items())
    print(
        f"{outcome.fault.name:24} {outcome.seconds:4.0f} s  {outcome.word:7} lost {counts.lost}, "
        f"duplicated {counts.duplicated}, unexpected {counts.unexpected}, recovered {counts.recovered}; "
        f"{outcome.calls} calls, failed: {failed or 'none'}; calls well after {outcome.recovery_calls:.1f} s, "
        f"effects after {outcome.recovery_effects:.1f} s"
    )
    for finding in outcome.findings:
        print(f"    {'holds' if finding.holds else 'DOES NOT HOLD'}: {finding.title} ({finding.seen})")
    for sentence in [*outcome.wrong, *([f"skipped: {outcome.skipped}"] if outcome.skipped else [])]:
        print(f"    {sentence}")
    sys.stdout.flush()
    return outcome


def _chosen(only: Sequence[str], *, quick: bool) -> list[Fault]:
    names = {each.name for each in FAULTS}
    if unknown := set(only) - names:
        raise SystemExit(f"There is no fault {', '.join(sorted(unknown))}; `--list` names them.")
    return [each for each in FAULTS if (each.name in only if only else each.quick or not quick)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[], metavar="FAULT", help="these faults alone")
    parser.add_argument("--quick", action="store_true", help="the ten cheapest")
    parser.add_argument("--list", action="store_true", help="name the faults and end")
    parser.add_argument("--seconds", nargs="+", type=float, default=[10.0, 30.0], help="how long each lasts")
    parser.add_argument("--rate", type=float, default=10.0, help="journeys a second")
    parser.add_argument("--suite", type=Path, help="the folder of a suite that runs, instead of a fresh one")
    parser.add_argument("--keep", action="store_true", help="keep the results in faults/results")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
