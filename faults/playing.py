"""One run: writers, a fault among them, the end of it, and what came of it all."""

from __future__ import annotations

import itertools
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

from faults import invariants
from faults.arena import Arena
from faults.comparing import Counts
from faults.evidence import Comparison
from faults.fault import Fault, Finding, Skipped, found
from faults.record import Record
from faults.waiting import NotInTime, until
from faults.writers import Writers

_DRAIN_SECONDS = 150.0
"""An event that failed alone waits 5 s, then a minute; a checkout that nobody goes on with is taken up after 15 s."""

CLIENTS_PATIENCE = 300.0
"""How long a client asks again before it gives up, which none should have to."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Manner:
    """How runs are made: journeys a second, and the seconds before and after the fault."""

    rate: float = 10.0
    before: float = 5.0
    after: float = 5.0


@dataclass
class Outcome:
    """What one run came to."""

    fault: Fault
    seconds: float
    counts: Counts = field(default_factory=Counts)
    sets: dict[str, dict[str, int]] = field(default_factory=dict)
    calls: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    """Calls that did not succeed, by their code."""
    promised: int = 0
    recovery_calls: float = 0.0
    recovery_effects: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    skipped: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything was as it must be."""
        return not self.skipped and self.counts.clean and not self.wrong and all(each.holds for each in self.findings)

    @property
    def word(self) -> str:
        """In a word."""
        return "skipped" if self.skipped else "pass" if self.passed else "FAIL"


def play(arena: Arena, fault: Fault, seconds: float, manner: Manner) -> Outcome:
    """Make a fault among writers, and judge what came of it."""
    outcome = Outcome(fault, seconds)
    try:
        with fault.setting(arena) if fault.setting else nullcontext():
            _play(arena, outcome, manner)
    except Skipped as skipped:
        outcome.skipped = str(skipped)
    return outcome


def _play(arena: Arena, outcome: Outcome, manner: Manner) -> None:
    fault = outcome.fault
    arena.record = record = Record(f"{fault.name}-{next(_numbers)}")
    token = arena.suite.token("admin")
    with Writers(arena.gateway, token, arena.shop, record, rate=manner.rate, patience=CLIENTS_PATIENCE) as writers:
        time.sleep(manner.before)
        try:
            outcome.findings += fault.play(arena, outcome.seconds)
        except Skipped as skipped:
            outcome.skipped = str(skipped)
        except NotInTime as late:
            outcome.wrong.append(str(late))
        except Exception as error:  # noqa: BLE001 - the fault failed, and the others are to be made all the same
            outcome.wrong.append(f"the fault could not be made: {type(error).__name__}: {error}")
        healed, instant = time.monotonic(), datetime.now(UTC)
        outcome.recovery_effects = _until_settled(arena, outcome, instant)
        time.sleep(max(0.0, healed + manner.after - time.monotonic()))
        writers.stop()
    outcome.recovery_calls = record.recovery(healed)
    judge(arena, record, outcome)


def judge(arena: Arena, record: Record, outcome: Outcome, *, tiers: bool = False) -> None:
    """Compare the four sets when all is quiet, and look at everything that must hold."""
    _until_settled(arena, outcome, None)
    compared = arena.evidence.compare(record)
    outcome.counts, outcome.sets = compared.total, _sets(compared)
    outcome.calls, outcome.failed, outcome.promised = len(record.attempts), dict(record.failed()), len(record.promised)
    outcome.wrong += [*compared.total.named, *compared.wrong]
    for code, times in record.refusals().items():
        if code.split()[0] not in outcome.fault.allowed:
            outcome.wrong.append(f"refused {times} times: {code}")
    if record.given_up and not outcome.fault.allowed:
        outcome.wrong.append(f"{record.given_up} clients never got an answer")
    outcome.wrong += [f"{parked} events were given up by a relay"] if (parked := arena.evidence.parked()) else []
    outcome.wrong += invariants.broken(arena.evidence)
    outcome.wrong += invariants.differences(arena.suite.state.databases, tiers=tiers)
    outcome.findings.append(found("the writers wrote", bool(record.promised), f"{len(record.promised)} promises"))


def _until_settled(arena: Arena, outcome: Outcome, instant: datetime | None) -> float:
    """Wait until all that happened (before an instant) had its effects, and every process is well; how long."""
    try:
        return until(
            lambda: arena.evidence.settled(instant) and arena.well(), within=_DRAIN_SECONDS, what="all effects settled"
        )
    except NotInTime as late:
        outcome.wrong.append(str(late))
        return _DRAIN_SECONDS


def _sets(compared: Comparison) -> dict[str, dict[str, int]]:
    pairs = {
        "acknowledged and rows": compared.rows,
        "rows and events": compared.events,
        "events and inboxes": compared.deliveries,
        "rows and effects": compared.effects,
    }
    names = ("lost", "duplicated", "unexpected", "recovered")
    return {title: {name: getattr(counts, name) for name in names} for title, counts in pairs.items()}
