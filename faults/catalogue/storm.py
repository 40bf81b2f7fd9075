"""A retry storm: a service falls silent for a moment, and many clients ask again at once, without pause or end."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from faults import journeys
from faults.arena import Arena
from faults.calls import EAGER_SECONDS, Caller, GivenUp
from faults.fault import Fault, Finding, found
from faults.journeys import Client
from faults.record import Record

_STORMERS = 64
_SILENT_SHARE = 0.3
_TIMES_THE_LOAD = 5.0
_WINDOW_SECONDS = 8.0
_SETTLING_SECONDS = 4.0
_GOODPUT_KEPT = 0.75
"""Few calls are counted, so some more or less say nothing."""


class _Storm:
    """Clients that each want one order after the other, in a thread of their own."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._rage()), name="storm")

    @contextmanager
    def raging(self) -> Iterator[None]:
        """Until the end of the block; then each gets its last answer as a good client does."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()

    async def _rage(self) -> None:
        token = self._arena.suite.token("admin")
        caller = Caller(self._arena.gateway, token, patience=300, eager=lambda: not self._over.is_set())
        await asyncio.gather(*(self._want(caller, number) for number in range(_STORMERS)))
        await caller.close()

    async def _want(self, caller: Caller, number: int) -> None:
        client = Client(caller, self._arena.shop, self._arena.record, random.Random(number))  # noqa: S311 - baskets
        while not self._over.is_set():
            try:
                await journeys.order_by_json(client)
            except GivenUp:
                self._arena.record.given_up += 1


def _stormed(arena: Arena, seconds: float) -> list[Finding]:
    begin = time.monotonic()
    time.sleep(_WINDOW_SECONDS)
    usual = _answered(arena.record, begin)
    storm = time.monotonic()
    with _Storm(arena).raging():
        with arena.frozen("orders-serve"):
            time.sleep(seconds * _SILENT_SHARE)
        time.sleep(seconds * (1 - _SILENT_SHARE))
        load = _begun(arena.record, storm)
    time.sleep(_SETTLING_SECONDS)
    after = time.monotonic()
    time.sleep(_WINDOW_SECONDS)
    again = _answered(arena.record, after)
    return [
        found(
            f"the storm was {_TIMES_THE_LOAD:.0f} times the load or more",
            load >= _TIMES_THE_LOAD * usual,
            f"{usual:.0f}, then {load:.0f} calls a second",
        ),
        found("as much is answered as before", again >= _GOODPUT_KEPT * usual, f"{usual:.0f}, {again:.0f} a second"),
    ]


def _begun(record: Record, since: float) -> float:
    """Calls a second since an instant."""
    return sum(each.begin >= since for each in list(record.attempts)) / (time.monotonic() - since)


def _answered(record: Record, since: float) -> float:
    """Calls a second that were answered since an instant."""
    good = sum(each.end >= since and each.code == "OK" for each in list(record.attempts))
    return good / (time.monotonic() - since)


FAULTS = (
    Fault(
        "retry-storm",
        f"orders' `serve` falls silent; {_STORMERS} clients ask again at once after any refusal or {EAGER_SECONDS:g} s",
        "what is too much is refused at once; as soon as they stop, all is as before; each order is there once",
        _stormed,
        runbook="life-of-an-rpc.md#what-can-go-wrong-and-what-the-client-sees",
    ),
)
