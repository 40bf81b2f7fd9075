"""`python -m faults.chaos --seed N --minutes M`: journeys and faults at random, and everything checked at the end.

A seed that fails is had again with the same seed: the journeys and the faults come in the same order, for as long.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime

from deploy.local.problem import explained
from faults import namespace
from faults.arena import Arena
from faults.fault import Fault, Finding, found
from faults.place import arena
from faults.playing import CLIENTS_PATIENCE, Manner, Outcome, judge
from faults.record import Record
from faults.registry import FAULTS
from faults.results import keep_chaos
from faults.schedule import steps
from faults.writers import Writers

_BEGIN_SECONDS = 3.0


@explained()
def main() -> int:
    """Entry point; 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m faults.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="which runs; several make several")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long each lasts")
    parser.add_argument("--rate", type=float, default=10.0, help="journeys a second")
    parser.add_argument("--keep", action="store_true", help="keep the results in faults/results")
    arguments = parser.parse_args()
    namespace.enter("faults.chaos")
    outcomes = {}
    for seed in arguments.seed:
        with arena() as place:
            outcomes[seed] = run(place, seed, arguments.minutes, Manner(rate=arguments.rate))
        _tell(seed, outcomes[seed])
    if arguments.keep:
        keep_chaos(outcomes)
    return 0 if all(each.passed for each in outcomes.values()) else 1


def run(place: Arena, seed: int, minutes: float, manner: Manner) -> Outcome:
    """One run of a seed."""
    able = {fault.name: fault for fault in FAULTS if fault.chaos}
    outcome = Outcome(Fault("chaos", "", "", lambda *_: []), minutes * 60)
    place.record = record = Record(f"chaos-{seed}")
    token = place.suite.token("admin")
    end = time.monotonic() + minutes * 60
    with Writers(
        place.gateway, token, place.shop, record, rate=manner.rate, patience=CLIENTS_PATIENCE, seed=seed
    ) as writers:
        time.sleep(_BEGIN_SECONDS)
        for number, step in enumerate(steps(seed, list(able)), start=1):
            if time.monotonic() + step.pause > end:
                break
            time.sleep(step.pause)
            print(f"{datetime.now(UTC):%H:%M:%S}  {number:2}. {step}", flush=True)
            outcome.findings += _named(step.fault, able[step.fault].play(place, step.seconds))
        healed = time.monotonic()
        time.sleep(manner.after)
        writers.stop()
    outcome.recovery_calls = record.recovery(healed)
    judge(place, record, outcome, tiers=True)
    return outcome


def _named(fault: str, findings: list[Finding]) -> list[Finding]:
    """With the name of their fault; without those that the end of another may have caused."""
    return [found(f"{fault}: {each.title}", each.holds, each.seen) for each in findings if not each.alone]


def _tell(seed: int, outcome: Outcome) -> None:
    counts = outcome.counts
    print(
        f"seed {seed}: {outcome.word}; lost {counts.lost}, duplicated {counts.duplicated}, unexpected "
        f"{counts.unexpected}, recovered {counts.recovered}; {outcome.promised} promises in {outcome.calls} calls"
    )
    for sentence in [*outcome.wrong, *(f"{e.title}: {e.seen}" for e in outcome.findings if not e.holds)]:
        print(f"    {sentence}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
