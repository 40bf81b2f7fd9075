"""What a running suite still has to do, watched while it works: events that wait to be sent, messages that wait in
queues."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import psycopg2

from cli.demo.databases import Databases
from cli.demo.reconcile_effects import SERVICES, SUBSCRIPTIONS
from kit import broker

_EVERY_SECONDS = 1.0
_UNSENT = "select count(*) from outbox where published_at is null and parked_at is null"
_TAKEN = "select count(*) from inbox where consumer = %s"
_SENT = "select count(*) from outbox where type = any(%s)"


class Backlog:
    """Looks into the outboxes and the queues of a suite."""

    def __init__(self, url: Callable[[str], str], broker_url: str) -> None:
        self._found = Databases(url)
        self._connection: Any = None
        self._broker_url = broker_url
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._found.close()
        if self._connection is not None:
            self._connection.collect()

    def size(self) -> int:
        """Events and messages that wait now. What a consumer holds in its hands is not among them."""
        with self._lock:
            unsent = sum(int(self._found.one(service, _UNSENT)) for service in SERVICES)
            return unsent + sum(self._depth(each.queue) for each in SUBSCRIPTIONS)

    def settled(self) -> bool:
        """Whether every event was sent, and taken in by everybody who must."""
        if self.size():
            return False
        with self._lock:
            return all(
                int(self._found.one(each.source, _SENT, list(each.events)))
                == int(self._found.one(each.consumer, _TAKEN, each.queue))
                for each in SUBSCRIPTIONS
            )

    def settle(self, *, within: float) -> float:
        """Wait until nothing is left; how many seconds it took. Raises TimeoutError."""
        started = time.monotonic()
        while not self.settled():
            if time.monotonic() - started > within:
                raise TimeoutError(f"{self.size()} events and messages are left after {within:.0f} s")
            time.sleep(0.1)
        return time.monotonic() - started

    def _depth(self, queue: str) -> int:
        if self._connection is None:
            self._connection = broker.connect(self._broker_url, name="kehu bench")
        channel = self._connection.channel()
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        finally:
            channel.close()


class Watch:
    """Reads a figure every second in a thread of its own, until the end of the block."""

    def __init__(self, read: Callable[[], float]) -> None:
        self._read = read
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.points: list[tuple[float, float]] = []
        """Seconds since the beginning, and the figure."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        started = time.monotonic()
        while not self._ended.wait(_EVERY_SECONDS):
            with suppress(psycopg2.Error, *broker.BROKER_ERRORS):
                self.points.append((time.monotonic() - started, float(self._read())))
