"""What a fault is: a name, what should come of it, and how it is done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.arena import Arena


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that had to be so beside the four sets, and whether it was."""

    title: str
    holds: bool
    seen: str
    alone: bool = False
    """Whether it says something only where nothing else breaks before or beside: not in chaos."""


class Skipped(Exception):
    """The fault can't be made on this machine; the message says what it needs."""


Play = Callable[["Arena", float], list[Finding]]
"""Make the fault for so many seconds, and heal it; what was found."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of the table."""

    name: str
    title: str
    expected: str
    play: Play
    runbook: str = "life-of-an-event.md#every-failure-point"
    quick: bool = False
    """Whether it is one of the ten of `make faults-quick`."""
    chaos: bool = False
    """Whether chaos may choose it: it must leave nothing behind, and need nothing of its own."""
    setting: Callable[[Arena], AbstractContextManager[None]] | None = None
    """What must be otherwise in the arena, from before the writers begin until after the last comparison."""
    allowed: frozenset[str] = frozenset()
    """Codes that clients may be refused with for good while it lasts."""
    small_disks: int = 0
    """MiB of the disk that PostgreSQL and RabbitMQ each have; 0: whatever the machine has."""
    clustered: bool = False
    """Whether the broker is a cluster of three nodes instead of one."""
    lengths: bool = True
    """Whether it is made for a short and for a long time; else once, as long as it takes."""


def found(title: str, holds: bool, seen: object, *, alone: bool = False) -> Finding:
    """A finding."""
    return Finding(title, holds, str(seen), alone)
