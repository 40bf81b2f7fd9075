"""What a worker counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from kit.telemetry import LATENCY_BUCKETS

HANDLED = Counter(
    "events_handled_total", "Events by what became of them: ok, duplicate, retry, dead.", ["event", "queue", "outcome"]
)
DURATION = Histogram(
    "event_handler_duration_seconds",
    "One transaction: inbox, handler, commit.",
    ["queue"],
    buckets=LATENCY_BUCKETS,
)
BATCH = Histogram(
    "event_batch_size", "Events handled in one transaction.", ["queue"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
AGE = Histogram(
    "event_age_seconds",
    "From the commit behind the event to the commit of its effect.",
    ["queue"],
    buckets=(*LATENCY_BUCKETS, 30, 60, 300, 3600),
)
CONNECTED = Gauge("consumer_connected", "Whether the consumer of a queue has the broker.", ["queue"])
WAITING = Gauge("consumer_queue_messages", "Events that wait in a queue to be handled.", ["queue"])
DEAD = Gauge("dead_letters", "Events of a queue that were given up, and wait for a person.", ["queue"])
HELD = Counter("consumer_held_total", "Batches that waited for the database to come back.", ["queue"])
TIMERS = Counter("timer_runs_total", "Runs by outcome: ok, skipped (a replica runs it), error.", ["timer", "outcome"])
TIMER_DURATION = Histogram("timer_duration_seconds", "Runs of timers.", ["timer"], buckets=LATENCY_BUCKETS)
