"""The clock of one process is wrong by five minutes."""

from __future__ import annotations

import time
from pathlib import Path

from faults.arena import Arena
from faults.fault import Fault, Finding, Skipped
from faults.standin import standing_in

_LIBRARIES = "/usr/lib/*/faketime/libfaketime.so.1"
_MINUTES = 5


class _Wrong:
    """A process of the suite, by so many minutes before or behind the time."""

    def __init__(self, name: str, minutes: int) -> None:
        self._name, self._seconds = name, 60 * minutes

    def play(self, arena: Arena, seconds: float) -> list[Finding]:
        """The process again, with another time of day; what it measures with its monotonic clock stays right."""
        library = next(Path("/").glob(_LIBRARIES.lstrip("/")), None)
        if library is None:
            raise Skipped("a wrong clock needs Debian's libfaketime")
        wrong = {"LD_PRELOAD": str(library), "FAKETIME": f"{self._seconds:+d}", "DONT_FAKE_MONOTONIC": "1"}
        with standing_in(arena.suite, self._name, arena.log(self._name), wrong):
            time.sleep(seconds)
        return []


def _fault(name: str, process: str, minutes: int, expected: str) -> Fault:
    wrong = _Wrong(process, minutes)
    return Fault(
        name,
        f"the clock of {process} is {abs(minutes)} minutes {'ahead' if minutes > 0 else 'behind'}",
        expected,
        wrong.play,
        runbook="#clocks",
        allowed=frozenset({"UNAUTHENTICATED"}),
    )


FAULTS = (
    _fault(
        "clock-ahead",
        "orders-serve",
        _MINUTES,
        "members refuses its tokens, so orders with points wait; all others are sold",
    ),
    _fault("clock-behind", "orders-serve", -_MINUTES, "tokens issued in its future are refused; nothing is half done"),
    _fault("consumer-clock-ahead", "members-consume", _MINUTES, "points and tiers follow the events' own times"),
)
