"""A disk is full: of PostgreSQL, or of RabbitMQ. Each has a small one of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from faults.arena import PATIENCE, Arena
from faults.fault import Fault, Finding, found
from faults.waiting import NotInTime, until

_MEBIBYTES = 640
_CHUNK = b"\0" * (1 << 16)
_STUCK_SECONDS = 60.0
"""Beyond this the broker won't recover by itself; it notices free space within 10 s."""


@contextmanager
def _full(folder: Path) -> Iterator[None]:
    """Fill the disk to the last byte."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(_CHUNK)
    try:
        yield
    finally:
        filler.unlink()


def _filled(name: str, arena: Arena, seconds: float) -> list[Finding]:
    with _full(arena.suite.folder.root / name):
        begin = time.monotonic()
        time.sleep(seconds)
        during = [each for each in arena.record.attempts if each.begin >= begin]
        answered = sum(each.code == "OK" for each in during)
    for process in (name, *arena.processes):
        arena.suite.wait_ready(process, seconds=PATIENCE)
    seen = f"{answered} of {len(during)} calls succeeded"
    if name == "rabbitmq":
        drained = found("events were sent when there was room again", *_drained(arena))
        return [found("orders were taken while the broker's disk was full", answered > 0, seen), drained]
    return [found("calls failed while the database's disk was full", answered < len(during), seen)]


def _drained(arena: Arena) -> tuple[bool, str]:
    """Do as the runbook says where RabbitMQ goes on refusing: its quorum queues don't outlive a write without room."""
    instant = datetime.now(UTC)
    try:
        until(lambda: arena.evidence.settled(instant), within=_STUCK_SECONDS, what="events sent")
    except NotInTime:
        arena.suite.restart("rabbitmq", seconds=PATIENCE)
        until(lambda: arena.evidence.settled(instant), within=PATIENCE, what="events sent after a restart")
        return True, "after a restart of the node"
    return True, "by itself"


FAULTS = (
    Fault(
        "database-disk-full",
        "the disk of PostgreSQL is full",
        "writes fail closed; when there is room again, all goes on without repair",
        partial(_filled, "postgres"),
        runbook="#limits",
        small_disks=_MEBIBYTES,
    ),
    Fault(
        "broker-disk-full",
        "the disk of RabbitMQ is full",
        "orders are taken, events wait in the outbox; with room again (or a restart) they drain",
        partial(_filled, "rabbitmq"),
        runbook="operations.md#events-are-not-sent",
        small_disks=_MEBIBYTES,
    ),
)
