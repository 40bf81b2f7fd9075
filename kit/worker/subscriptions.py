"""What a service listens to and does by the clock, as a list that `consumer.py` fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from google.protobuf.message import Message

from kit import broker
from kit.worker.events import Received

Handler = Callable[[Any, Sequence[Received]], object]
"""Gets a unit of work and new events, in the order of their arrival, and applies them; it must not commit."""

Chore = Callable[[Any], object]
"""Gets a unit of work and does what is due."""

H = TypeVar("H", bound=Handler)
C = TypeVar("C", bound=Chore)

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Subscription:
    """One queue and who handles what comes out of it, up to `batch` events in one transaction."""

    queue: str
    source: str
    types: Mapping[str, type[Message]]
    handler: Handler
    batch: int

    @property
    def events(self) -> list[str]:
        """The short names of the events."""
        return [name.rpartition(".")[2] for name in self.types]


@dataclass(frozen=True, slots=True)
class Timer:
    """Something to be done every `interval`, by one replica at a time."""

    name: str
    interval: timedelta
    chore: Chore


class Subscriptions:
    """Everything that the role `consume` of one service does."""

    def __init__(self, service: str, *, retries: broker.Retries | None = None) -> None:
        self.service = service
        self.retries = retries or broker.Retries()
        self.events: list[Subscription] = []
        self.timers: list[Timer] = []

    def on(self, source: str, *messages: type[Message], queue: str, batch: int = _BATCH) -> Callable[[H], H]:
        """Handle the events `messages` of the service `source`.

        The handler sees each event once, however often it is delivered, together with up to `batch` others; all of
        its effects are one transaction. If it raises, each event is tried alone. Events may come in any order: compare
        `Received.version`.
        """
        types = {message.DESCRIPTOR.full_name: message for message in messages}
        self._check(source, types, queue)

        def register(handler: H) -> H:
            self.events.append(Subscription(queue, source, types, handler, batch))
            return handler

        return register

    def every(self, *, seconds: float) -> Callable[[C], C]:
        """Call the function again and again, in one transaction each time, never in two replicas at the same time."""

        def register(chore: C) -> C:
            name = f"{self.service}.{chore.__name__}"
            self.timers.append(Timer(name, timedelta(seconds=seconds), chore))
            return chore

        return register

    def topology(self) -> broker.Topology:
        """The exchanges and queues that the service needs, its own exchange included."""
        queues = [broker.Subscribed(entry.queue, entry.source, entry.events) for entry in self.events]
        return broker.topology(self.service, queues, retries=self.retries)

    def _check(self, source: str, types: Mapping[str, type[Message]], queue: str) -> None:
        if not types:
            raise ValueError(f"{queue}: say which events it gets")
        foreign = [name for name in types if not name.startswith(f"kehu.{source}.")]
        if foreign:
            raise ValueError(f"{queue}: {', '.join(foreign)} is not an event of {source}")
        if not queue.startswith(f"{self.service}."):
            raise ValueError(f"{queue}: a queue's name begins with its service, {self.service}")
        if queue in {entry.queue for entry in self.events}:
            raise ValueError(f"{queue}: every handler has a queue of its own")
