"""RabbitMQ dies, runs short of memory or disk, or falls silent. Orders are taken all the same: the outbox grows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from faults.arena import PATIENCE, Arena
from faults.fault import Fault, Finding, found
from faults.waiting import until

_NOTHING_FREE = "1000000GB"
_USUAL_DISK = "50MB"
_NO_MEMORY = ("absolute", "1MB")
_USUAL_MEMORY = ("0.4",)


def _kept_selling(arena: Arena, begin: float, *, outbox_grows: bool = True) -> list[Finding]:
    """No call failed since an instant, and what could not be sent waits in the outbox."""
    during = [each for each in arena.record.attempts if each.begin >= begin]
    failed = [each.code for each in during if each.code != "OK"]
    findings = [
        found(
            "orders are taken while the broker is away",
            not failed,
            f"{len(failed)} of {len(during)} failed",
            alone=True,
        )
    ]
    if outbox_grows:
        waiting = arena.evidence.unsent()
        findings.append(found("events wait in the outbox", waiting > 0, waiting, alone=True))
    return findings


def _killed(arena: Arena, seconds: float) -> list[Finding]:
    with arena.away("rabbitmq"):
        begin = time.monotonic()
        time.sleep(seconds)
        return _kept_selling(arena, begin)


def _frozen(arena: Arena, seconds: float) -> list[Finding]:
    with arena.frozen("rabbitmq"):
        begin = time.monotonic()
        time.sleep(seconds)
        return _kept_selling(arena, begin)


@contextmanager
def _alarm(arena: Arena, command: str, wrong: tuple[str, ...], usual: tuple[str, ...]) -> Iterator[None]:
    arena.rabbitmqctl(command, *wrong)
    try:
        yield
    finally:
        arena.rabbitmqctl(command, *usual)


def _memory_alarm(arena: Arena, seconds: float) -> list[Finding]:
    with _alarm(arena, "set_vm_memory_high_watermark", _NO_MEMORY, _USUAL_MEMORY):
        begin = time.monotonic()
        time.sleep(seconds)
        return _kept_selling(arena, begin)


def _disk_alarm(arena: Arena, seconds: float) -> list[Finding]:
    with _alarm(arena, "set_disk_free_limit", (_NOTHING_FREE,), (_USUAL_DISK,)):
        begin = time.monotonic()
        time.sleep(seconds)
        return _kept_selling(arena, begin)


def _cut_off(arena: Arena, seconds: float) -> list[Finding]:
    """Cut off the node that everybody is connected to."""
    cluster = arena.cluster
    assert cluster is not None  # noqa: S101 - the fault says that it needs one
    lonely, *others = cluster.members
    with cluster.cut_off(lonely):
        begin, instant = time.monotonic(), datetime.now(UTC)
        until(lambda: not lonely.up, within=PATIENCE, what=f"{lonely.name} pauses")
        time.sleep(seconds)
        settled = until(lambda: arena.evidence.settled(instant), within=PATIENCE, what="effects through the others")
        return [
            *_kept_selling(arena, begin, outbox_grows=False),
            found("the other nodes went on", all(each.up for each in others), f"effects settled {settled:.1f} s later"),
        ]


FAULTS = (
    Fault(
        "broker-killed",
        "kill -9 of RabbitMQ, which stays away",
        "calls go on; events wait in the outbox, then drain; what was confirmed is there",
        _killed,
        quick=True,
        chaos=True,
    ),
    Fault(
        "broker-memory-alarm",
        "RabbitMQ is short of memory: it blocks whoever publishes",
        "calls go on; the relay waits and counts no attempt",
        _memory_alarm,
        chaos=True,
    ),
    Fault(
        "broker-disk-alarm",
        "RabbitMQ is short of disk: it blocks whoever publishes",
        "calls go on; the relay waits and counts no attempt",
        _disk_alarm,
        chaos=True,
    ),
    Fault(
        "broker-frozen",
        "RabbitMQ answers nothing and hangs up on nobody (SIGSTOP)",
        "calls go on; relay and consumers notice within two heartbeats and connect again",
        _frozen,
        chaos=True,
    ),
    Fault(
        "broker-node-cut-off",
        "of three RabbitMQ nodes, the one that everybody is connected to can't reach the others",
        "it pauses; relay and consumers connect to another; what was confirmed is there, nothing has two effects",
        _cut_off,
        clustered=True,
    ),
)
