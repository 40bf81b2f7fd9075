"""What a case of the benchmark is, and which there are. A case is a module with `run(pace, table)` that measures one
thing beside its baseline; it runs in a process of its own, so that none can spoil another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to take. `seconds`, `rows` and `rate` (per second) stand above what a case would
    choose."""

    quick: bool = False
    seconds: float | None = None
    rows: int | None = None
    rate: float | None = None

    def during(self, *, quick: float, full: float) -> float:
        """Seconds that the measured part takes."""
        return self.seconds or (quick if self.quick else full)

    def repetitions(self, *, quick: int = 1, full: int = 3) -> int:
        """How often a figure is taken; the table shows the median."""
        return quick if self.quick else full

    def size(self, *, quick: int, full: int) -> int:
        """How many rows, events or calls."""
        return self.rows or (quick if self.quick else full)

    def arguments(self) -> list[str]:
        """The same as arguments of `python -m bench`."""
        chosen = {"seconds": self.seconds, "rows": self.rows, "rate": self.rate}
        given = [part for name, value in chosen.items() if value for part in (f"--{name}", str(value))]
        return [*(["--quick"] if self.quick else []), *given]


@dataclass(frozen=True, slots=True)
class Case:
    """One case: the name of its module under `bench.cases`, what it shows, and when it has gone wrong at the latest."""

    name: str
    title: str
    minutes: float
    quick: bool = True
    """Whether it belongs to the quick run."""
    full: bool = True
    """Whether it belongs to the full run; one that does not must be asked for by name."""


CASES: tuple[Case, ...] = (
    Case("relay", "Relay beside a bare confirmed publisher", 10),
    Case("consumers", "Consumers beside a no-op nameko consumer", 10),
    Case("copying", "Batch imports beside COPY", 10, quick=False),
    Case("cold_start", "Cold start of each process", 5),
    Case("overload", "Overload", 10),
    Case("event_path", "From commit to effect", 10),
    Case("sustained", "Paid orders, sustained", 20),
    Case("costs", "What an order costs", 20, quick=False, full=False),
    Case("peak_day", "A peak day", 20, quick=False),
    Case("control", "Orders beside the ordinary way", 10, quick=False),
    Case("members", "Members", 20),
    Case("orders", "Orders", 25),
    Case("growth", "Growth", 40, quick=False),
    Case("memory", "Memory of each process", 60, quick=False),
    Case("profiles", "Profiles of the hot paths", 15, quick=False),
)


def chosen(pace: Pace, only: Sequence[str]) -> list[Case]:
    """The cases of a run: those that are named, or all that belong to it. Raises ValueError for an unknown name."""
    known = {case.name: case for case in CASES}
    if unknown := [name for name in only if name not in known]:
        raise ValueError(f"there is no case {', '.join(unknown)}; there are {', '.join(known)}")
    if only:
        return [known[name] for name in only]
    return [case for case in CASES if (case.quick if pace.quick else case.full)]
