"""The exchanges and queues of a service, as data.

Every service publishes to its own topic exchange. Every subscription has a quorum queue of its own, with a dead queue
behind it for what can't be handled. What failed but may succeed later waits in one of the service's retry queues,
whose time to live sends it back to the queue that it came from, and to no other subscriber.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

Argument = str | int


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str = "topic"


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue; what isn't said here (the length, say) is left to the operator's policies."""

    name: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """Messages of `exchange` with `key` go to `queue`."""

    queue: str
    exchange: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Topology:
    """What must be there before anything is published or consumed."""

    exchanges: Sequence[Exchange]
    queues: Sequence[Queue]
    bindings: Sequence[Binding]


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One subscription: the queue that gets `events` (short names, in the past tense) of the service `source`."""

    queue: str
    source: str
    events: Sequence[str]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often an event is tried alone, and how long it waits before each further try; the last delay repeats."""

    attempts: int = 5
    delays: Sequence[timedelta] = (timedelta(seconds=5), timedelta(seconds=60), timedelta(minutes=10))

    def delay_after(self, attempt: int) -> timedelta | None:
        """The wait after the failure of the n-th attempt (from 1); None: it was the last."""
        if attempt >= self.attempts:
            return None
        return self.delays[min(attempt, len(self.delays)) - 1]


# A message that kills its process is taken out after so many redeliveries. RabbitMQ 4 has the same limit by default.
_DELIVERY_LIMIT = 20
# RabbitMQ 4 drops what was returned 20 times to a queue without a dead letter exchange. Operators look into dead
# queues by taking and returning; 3.10 doesn't know the -1 that would switch the limit off.
_UNLIMITED = 1_000_000_000
# All three are needed for at-least-once dead-lettering; with fewer the broker silently falls back to at-most-once.
_DEAD_LETTER_SAFELY: Mapping[str, Argument] = {
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}


def events_exchange(service: str) -> str:
    """Where a service publishes its events."""
    return f"{service}.events"


def dead_exchange(service: str) -> str:
    """Where a service's consumers put what can't be handled; the key is the queue that it came from."""
    return f"{service}.dead"


def dead_queue(queue: str) -> str:
    """Where the dead letters of `queue` lie."""
    return f"{queue}.dead"


def retry_exchange(service: str, delay: timedelta) -> str:
    """Where a service's consumers put what is to come back after `delay`; the key is the queue to come back to."""
    millis = round(delay / timedelta(milliseconds=1))
    return f"{service}.retry.{millis // 1000}s" if millis % 1000 == 0 else f"{service}.retry.{millis}ms"


def topology(service: str, subscriptions: Sequence[Subscribed] = (), *, retries: Retries | None = None) -> Topology:
    """Everything that `service` publishes to and consumes from."""
    delays = sorted(set((retries or Retries()).delays)) if subscriptions else []
    sources = dict.fromkeys([service, *(subscription.source for subscription in subscriptions)])
    return Topology(
        exchanges=[
            *(Exchange(events_exchange(source)) for source in sources),
            *([Exchange(dead_exchange(service), "direct")] if subscriptions else []),
            *(Exchange(retry_exchange(service, delay), "fanout") for delay in delays),
        ],
        queues=[
            *(_main(service, subscription.queue) for subscription in subscriptions),
            *(_dead(subscription.queue) for subscription in subscriptions),
            *(_waiting(service, delay) for delay in delays),
        ],
        bindings=[
            *(
                Binding(subscription.queue, events_exchange(subscription.source), event)
                for subscription in subscriptions
                for event in subscription.events
            ),
            *(Binding(dead_queue(s.queue), dead_exchange(service), s.queue) for s in subscriptions),
            *(Binding(retry_exchange(service, delay), retry_exchange(service, delay)) for delay in delays),
        ],
    )


def _main(service: str, queue: str) -> Queue:
    dead = {"x-dead-letter-exchange": dead_exchange(service), "x-dead-letter-routing-key": queue}
    return _quorum(queue, {"x-delivery-limit": _DELIVERY_LIMIT, **dead, **_DEAD_LETTER_SAFELY})


def _dead(queue: str) -> Queue:
    return _quorum(dead_queue(queue), {"x-delivery-limit": _UNLIMITED})


def _waiting(service: str, delay: timedelta) -> Queue:
    # The default exchange leads a message to the queue that its key names, and the key is kept: no dead letter key.
    back: Mapping[str, Argument] = {
        "x-message-ttl": round(delay / timedelta(milliseconds=1)),
        "x-dead-letter-exchange": "",
    }
    return _quorum(retry_exchange(service, delay), {**back, **_DEAD_LETTER_SAFELY})


def _quorum(name: str, arguments: Mapping[str, Argument]) -> Queue:
    return Queue(name, {"x-queue-type": "quorum", **arguments})
