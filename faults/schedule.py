"""What chaos does when: drawn from a seed, so that a run can be had again. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_PAUSE = (1.0, 5.0)
_LENGTH = (2.0, 8.0)


@dataclass(frozen=True, slots=True)
class Step:
    """A pause, then a fault of some length; in seconds."""

    pause: float
    fault: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.fault} for {self.seconds:.1f} s after {self.pause:.1f} s"


def steps(seed: int, faults: Sequence[str]) -> Iterator[Step]:
    """Steps without end. The same seed and faults give the same; each fault has its turn before any comes again."""
    dice = random.Random(seed)  # noqa: S311 - must be repeatable
    while True:
        for fault in dice.sample(sorted(faults), len(faults)):
            yield Step(round(dice.uniform(*_PAUSE), 1), fault, round(dice.uniform(*_LENGTH), 1))
