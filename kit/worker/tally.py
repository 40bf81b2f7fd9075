"""What became of a batch, told to the metrics and to the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kit.telemetry import line, log
from kit.worker import metrics
from kit.worker.events import Received
from kit.worker.verdict import Failure, places_of

_UNKNOWN = "unknown"


@dataclass(slots=True)
class Tally:
    """Counts one batch of one queue."""

    queue: str
    source: str
    """The service whose events these are."""
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
        fresh = {event.id for event in new}
        for event in new:
            age = max(0.0, (now - event.time).total_seconds())
            observe(age, {"trace_id": event.trace} if event.sampled else None)
        for event in events:
            self._line(event, "ok" if event.id in fresh else "duplicate", now, seconds)

    def failed(self, failure: Failure, error: Exception | None = None) -> None:
        """One event was tried alone, or could not be read, and failed."""
        delivery = failure.delivery
        self.outcomes[delivery.type if delivery.type in self.known else _UNKNOWN, failure.outcome] += 1
        (log.error if failure.delay is None else log.warning)(
            "event failed",
            queue=self.queue,
            event_type=delivery.type,
            event_id=delivery.id,
            trace_id=delivery.trace,
            reason=failure.reason,
            outcome=failure.outcome,
            attempts=failure.attempts,
            places=places_of(error) if error is not None else [],
        )

    def report(self) -> None:
        """The batch is done."""
        for (kind, outcome), count in self.outcomes.items():
            metrics.HANDLED.labels(kind, self.queue, outcome).inc(count)

    def _line(self, event: Received, status: str, now: datetime, seconds: float) -> None:
        """`ms` is the time of the transaction, which the event may have shared with others; `age_ms` that from its own
        commit."""
        line(
            "event",
            method=f"{self.queue}/{event.type}",
            caller=self.source,
            event_id=str(event.id),
            status=status,
            ms=round(seconds * 1000, 2),
            age_ms=round((now - event.time).total_seconds() * 1000, 1),
            trace=event.trace,
        )
