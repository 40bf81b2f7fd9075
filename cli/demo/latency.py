"""From commit to effect: how long an event takes from the service that it is true in to the services that act on it.

Measured is the time between two instants of the clock that all the processes share: the one that the transaction which
wrote the event to the outbox took for its own, and the one that the transaction which took it into the inbox (and made
its effect) took. Each is a few milliseconds before the commit, so the way through both databases, relay, broker and
worker is in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cli.demo.databases import Databases, pairs
from cli.demo.reconcile_effects import SUBSCRIPTIONS, Subscription

EFFECTS = tuple(each for each in SUBSCRIPTIONS if "OrderPaid" in each.events)
"""Who acts on a paid order."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the events of one kind took to one consumer, in seconds, sorted."""

    consumer: str
    seconds: tuple[float, ...]

    def quantile(self, share: float) -> float:
        """The smallest time that at least this share of the events kept within; 0 without events."""
        if not self.seconds:
            return 0.0
        return self.seconds[max(math.ceil(share * len(self.seconds)) - 1, 0)]


def latencies(found: Databases, channel: str, *, since: float = 0.0) -> list[Latency]:
    """From the orders of a channel, paid since an instant (seconds of the epoch), to members and campaigns."""
    sql = """
        select b.id, b.created_at from outbox b join orders o on o.id = substr(b.aggregateid, 8)::uuid
        where b.type = 'OrderPaid' and o.channel = %s and b.created_at >= to_timestamp(%s)
    """
    written = pairs(found.rows("orders", sql, channel, since))
    return [_latency(each, written, found) for each in EFFECTS]


def _latency(effect: Subscription, written: dict[object, object], found: Databases) -> Latency:
    taken = found.rows(effect.consumer, "select event_id, received_at from inbox where consumer = %s", effect.queue)
    seconds = [(at - written[event]).total_seconds() for event, at in taken if event in written]
    return Latency(effect.consumer, tuple(sorted(seconds)))


def histogram(seconds: Sequence[float], *, bins: int) -> tuple[list[float], list[int]]:
    """The left edges of equally wide bins, and how many values lie in each."""
    if not seconds:
        return [], []
    width = max(max(seconds) / bins, 1e-6)
    counts = [0] * bins
    for value in seconds:
        counts[min(int(max(value, 0) / width), bins - 1)] += 1
    return [index * width for index in range(bins)], counts
