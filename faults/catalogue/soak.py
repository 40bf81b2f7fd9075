"""Nothing breaks, for a long time: memory stays where it was."""

from __future__ import annotations

import time
from statistics import mean

import psutil

from faults.arena import Arena
from faults.fault import Fault, Finding, found

_LOOK_SECONDS = 5.0
_LEAST = 3
_GROWTH = 1.1
_MARGIN = 12 * 2**20


def _soaked(arena: Arena, seconds: float) -> list[Finding]:
    samples: dict[str, list[int]] = {name: [] for name in arena.processes}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for each in arena.suite.processes():
            if each.name in samples and each.pid is not None:
                samples[each.name].append(int(psutil.Process(each.pid).memory_info().rss))
        time.sleep(_LOOK_SECONDS)
    return [
        found(f"memory of {name} is flat", *_flat(sizes)) for name, sizes in samples.items() if len(sizes) >= _LEAST
    ]


def _flat(sizes: list[int]) -> tuple[bool, str]:
    """Whether the last third is no larger than the middle one, but for some noise; the first is warm-up."""
    third = len(sizes) // 3
    middle, last = mean(sizes[third : 2 * third] or sizes), mean(sizes[-third:] or sizes)
    return last <= middle * _GROWTH + _MARGIN, f"{middle / 2**20:.0f} MiB, then {last / 2**20:.0f} MiB"


FAULTS = (
    Fault(
        "soak",
        "nothing breaks",
        "memory of every process is flat; nothing else happens either",
        _soaked,
        runbook="operations.md",
    ),
)
