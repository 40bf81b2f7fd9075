"""What became of a batch, told to the metrics and to the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kit.telemetry import log
from kit.worker import metrics
from kit.worker.events import Received
from kit.worker.verdict import Failure, places_of

_UNKNOWN = "unknown"


@dataclass(slots=True)
class Tally:
    """Counts one batch of one queue."""

    queue: str
    known: Collection[str]
    """The short names of the events that the queue is for; others share one label, for anybody may make them up."""
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def committed(self, events: Sequence[Received], new: Sequence[Received], now: datetime, seconds: float) -> None:
        """One transaction with `events` was committed; `new` of them had not been seen before."""
        self.outcomes.update((event.type, "ok") for event in new)
        duplicates = Counter(event.type for event in events) - Counter(event.type for event in new)
        self.outcomes.update({(kind, "duplicate"): count for kind, count in duplicates.items()})
        metrics.DURATION.labels(self.queue).observe(seconds)
        metrics.BATCH.labels(self.queue).observe(len(events))
        observe = metrics.AGE.labels(self.queue).observe
        for event in new:
            observe(max(0.0, (now - event.time).total_seconds()))

    def failed(self, failure: Failure, error: Exception | None = None) -> None:
        """One event was tried alone, or could not be read, and failed."""
        delivery = failure.delivery
        self.outcomes[delivery.type if delivery.type in self.known else _UNKNOWN, failure.outcome] += 1
        (log.error if failure.delay is None else log.warning)(
            "event failed",
            queue=self.queue,
            event_type=delivery.type,
            event_id=delivery.id,
            reason=failure.reason,
            outcome=failure.outcome,
            attempts=failure.attempts,
            places=places_of(error) if error is not None else [],
        )

    def report(self, size: int, seconds: float) -> None:
        """The batch is done."""
        for (kind, outcome), count in self.outcomes.items():
            metrics.HANDLED.labels(kind, self.queue, outcome).inc(count)
        totals: Counter[str] = Counter()
        for (_, outcome), count in self.outcomes.items():
            totals[outcome] += count
        log.info("events handled", queue=self.queue, events=size, seconds=round(seconds, 4), **totals)
