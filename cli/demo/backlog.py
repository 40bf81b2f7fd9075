"""What the suite still has to do: events to be sent, messages in queues, effects to come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import psycopg2

from cli.demo.databases import Databases
from cli.demo.reconcile_effects import SERVICES, SUBSCRIPTIONS
from kit import broker

T = TypeVar("T")

_LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 300.0


class Backlog:
    """Looks into the outboxes and queues of a running suite, whatever of it happens to be down.

    As a gate for an import (`await backlog(orders)`) it holds orders back while more than `most` events are on their
    way: then members and campaigns keep up with the import, and little is left to do at its end.
    """

    def __init__(self, found: Databases, broker_url: str, *, most: int) -> None:
        self._found = found
        self._broker_url = broker_url
        self._most = most
        self._connection: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._disconnect()

    async def __call__(self, _orders: int) -> None:
        """Wait until there is room for more orders."""
        for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
            if self._looked(self._room):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def wait(self) -> bool:
        """Wait until every event was sent, and taken in by everybody who must; False when patience ends first."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._looked(self._settled):
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def _room(self) -> bool:
        return self._unsent("orders") + self._longest() <= self._most

    def _settled(self) -> bool:
        if any(self._unsent(service) for service in SERVICES) or self._longest():
            return False
        return all(self._sent(*each[:2]) == self._taken(*each[2:]) for each in SUBSCRIPTIONS)

    def _looked(self, reading: Callable[[], T]) -> T | None:
        """A reading; None while the database or the broker is down."""
        try:
            return reading()
        except (psycopg2.Error, *broker.BROKER_ERRORS):
            self._disconnect()
            return None

    def _longest(self) -> int:
        return max(self._depth(subscription.queue) for subscription in SUBSCRIPTIONS)

    def _depth(self, queue: str) -> int:
        if self._connection is None:
            self._connection = broker.connect(self._broker_url, name="kehu demo")
        channel = self._connection.channel()
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        finally:
            channel.close()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()

    def _unsent(self, service: str) -> int:
        return int(self._found.one(service, "select count(*) from outbox where published_at is null"))

    def _sent(self, service: str, events: tuple[str, ...]) -> int:
        return int(self._found.one(service, "select count(*) from outbox where type = any(%s)", list(events)))

    def _taken(self, service: str, queue: str) -> int:
        return int(self._found.one(service, "select count(*) from inbox where consumer = %s", queue))
