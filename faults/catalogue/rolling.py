"""Processes are asked to go, as every deployment asks them: SIGTERM, one after the other, under load."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from deploy.local.folder import SERVICES
from faults import replicas
from faults.arena import PATIENCE, Arena
from faults.fault import Fault, Finding, found
from faults.replicas import Doubled

_RPC = "life-of-an-rpc.md#settings-that-belong-together"
_DUPLICATES = ("events_handled_total", "duplicate")


class _Rolling:
    """Restarts everything once; the replicas are made before the writers begin."""

    def __init__(self) -> None:
        self._doubled: Doubled

    @contextmanager
    def setting(self, arena: Arena) -> Iterator[None]:
        """Two replicas of each `serve`, as an installation has them."""
        with replicas.doubled(arena) as self._doubled:
            yield

    def play(self, arena: Arena, _: float) -> list[Finding]:
        """Restart every process of every service, one after the other."""
        begin = time.monotonic()
        for service in SERVICES:
            self._doubled.restart(arena, service)
        for service in SERVICES:
            for role in ("consume", "relay"):
                arena.suite.restart(f"{service}-{role}", seconds=PATIENCE)
        return [*_no_call_failed(arena, begin), _no_handler_twice(arena)]


def _no_call_failed(arena: Arena, begin: float) -> list[Finding]:
    during = [each for each in arena.record.attempts if each.begin >= begin]
    failed = [f"{each.code} {each.method}" for each in during if each.code != "OK"]
    return [found("no call failed", not failed, f"{len(failed)} of {len(during)} {failed[:3]}", alone=True)]


def _no_handler_twice(arena: Arena) -> Finding:
    name, outcome = _DUPLICATES
    twice = sum(arena.metric(f"{service}-consume", name, outcome=outcome) for service in SERVICES)
    return found("no handler was given an event twice", twice == 0, f"{twice:.0f} duplicates", alone=True)


def _asked_to_go(name: str, arena: Arena, seconds: float) -> list[Finding]:
    """SIGTERM, again and again; the supervisor starts it again each time."""
    times, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        pid = arena.suite.kill(name, signal.SIGTERM)
        arena.suite.wait_ready(name, other_than=pid, seconds=PATIENCE)
        times += 1
    return [found(f"{name} was asked to go", times > 0, f"{times} times"), _no_handler_twice(arena)]


_ROLLING = _Rolling()

FAULTS = (
    Fault(
        "serve-terminated",
        "SIGTERM to orders' only `serve`, again and again",
        "calls under way end well; those in between find nobody and repeat",
        partial(_asked_to_go, "orders-serve"),
        runbook=_RPC,
        chaos=True,
    ),
    Fault(
        "consumer-terminated",
        "SIGTERM to members' `consume`, again and again",
        "the batch under way is committed and acknowledged; no event comes twice",
        partial(_asked_to_go, "members-consume"),
        chaos=True,
    ),
    Fault(
        "relay-terminated",
        "SIGTERM to orders' `relay`, again and again",
        "the batch under way is confirmed and marked; no event is sent twice",
        partial(_asked_to_go, "orders-relay"),
        chaos=True,
    ),
    Fault(
        "rolling-restart",
        "every process of every service is restarted, two replicas of each `serve` behind the gateway",
        "no call fails after the gateway's retries, no handler is given an event twice",
        _ROLLING.play,
        setting=_ROLLING.setting,
        runbook=_RPC,
        lengths=False,
        quick=True,
    ),
)
