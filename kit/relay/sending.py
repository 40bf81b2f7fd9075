"""From rows to confirmed messages: one batch at a time, in order, each aggregate in step."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from uuid import UUID

from kit.broker import headers
from kit.relay import metrics
from kit.relay.frames import Outgoing
from kit.relay.outbox import Outbox, Row
from kit.relay.publisher import Outcome, Publisher
from kit.telemetry import carried, log, span

_CONFIRM_SECONDS = 10.0
_SHORTEST_BACKOFF = 1.0
_LONGEST_BACKOFF = 300.0
_BATCHES = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a batch; to be written down."""

    taken: Sequence[UUID] = ()
    refused: Sequence[tuple[Row, str]] = ()


@dataclass(slots=True)
class Sending:
    """Sends the events of one service, and while one batch is under way writes down the last and reads the next.

    A row that the broker refuses waits, and with it the later rows of its aggregate; after `attempts` refusals it is
    parked and they go on. A broker that is away, or answers nothing at all, is no refusal.
    """

    service: str
    attempts: int
    _waiting: dict[str, float] = field(default_factory=dict)
    """Aggregates that wait after a refusal: until when."""
    _single: int = 0
    """So many rows are sent one by one, to find the one that the broker closed the channel for."""

    async def send(self, outbox: Outbox, publisher: Publisher, *, batch: int) -> bool:
        """Send what waits; answers whether anything did.

        Ends after some batches: an event that was committed later than its successors is looked for then.
        """
        limit = 1 if self._single else batch
        rows = await outbox.pending(after=0, without=self._kept_waiting(), limit=limit)
        report = Report()
        sent = bool(rows)
        for _ in range(1 if self._single else _BATCHES):
            if not rows or publisher.trouble:
                break
            publishing = asyncio.create_task(self._publish(rows, publisher))
            try:
                await self._write_down(report, outbox)
                rows = await self._next(rows, outbox, limit)
            finally:
                report = await publishing
            if report.refused:
                rows = [
                    row for row in rows if row.aggregateid not in {refused.aggregateid for refused, _ in report.refused}
                ]
        await self._write_down(report, outbox)
        return sent

    async def _next(self, rows: Sequence[Row], outbox: Outbox, limit: int) -> list[Row]:
        if len(rows) < limit:
            return []
        return await outbox.pending(after=rows[-1].sequence, without=self._kept_waiting(), limit=limit)

    def _kept_waiting(self) -> list[str]:
        now = time.monotonic()
        self._waiting = {key: until for key, until in self._waiting.items() if until > now}
        return list(self._waiting)

    async def _publish(self, rows: Sequence[Row], publisher: Publisher) -> Report:
        metrics.BATCH.observe(len(rows))
        with ExitStack() as spans:
            sent, encoded, unfit = self._encode(rows, publisher, spans)
            outcomes = await publisher.publish([str(row.id) for row in sent], encoded, timeout=_CONFIRM_SECONDS)
        self._count(sent, outcomes)
        taken = [row.id for row, outcome in zip(sent, outcomes, strict=True) if outcome in _TAKEN]
        return Report(taken, [*unfit, *self._refusals(sent, outcomes, publisher)])

    async def _write_down(self, report: Report, outbox: Outbox) -> None:
        await outbox.mark(report.taken)
        for row, reason in report.refused:
            await self._refused(row, reason, outbox)

    def _encode(
        self, rows: Sequence[Row], publisher: Publisher, spans: ExitStack
    ) -> tuple[list[Row], list[bytes], list[tuple[Row, str]]]:
        sent: list[Row] = []
        encoded: list[bytes] = []
        unfit: list[tuple[Row, str]] = []
        for row in rows:
            try:
                encoded.append(publisher.encode(self._message(row, spans)))
                sent.append(row)
            except ValueError:
                unfit.append((row, "can't be encoded"))
        return sent, encoded, unfit

    def _message(self, row: Row, spans: ExitStack) -> Outgoing:
        kept = json.loads(row.headers)
        return Outgoing(
            id=str(row.id),
            key=row.type,
            body=row.payload.encode(),
            headers={
                headers.CE_ID: str(row.id),
                headers.CE_SOURCE: f"kehu/{self.service}",
                headers.CE_SUBJECT: row.aggregateid,
                headers.CE_SUBJECTVERSION: row.subject_version,
                headers.CE_TIME: row.created_at.isoformat(),
                **kept,
                **_traced(row, kept.get(headers.TRACEPARENT, ""), spans),
            },
        )

    def _refusals(
        self, sent: Sequence[Row], outcomes: Sequence[Outcome], publisher: Publisher
    ) -> list[tuple[Row, str]]:
        pairs = list(zip(sent, outcomes, strict=True))
        unanswered = [row for row, outcome in pairs if outcome is Outcome.UNANSWERED]
        refused = [(row, "refused") for row, outcome in pairs if outcome is Outcome.REFUSED]
        self._single = max(0, self._single - 1)
        if publisher.refusal is not None and len(unanswered) > 1:
            # The broker closed the channel for one of them and does not say which.
            self._single = len(unanswered)
        elif publisher.refusal is not None:
            refused += [(row, publisher.refusal) for row in unanswered]
        elif publisher.timed_out and len(unanswered) < len(sent):
            refused += [(row, "not confirmed in time") for row in unanswered]
        return refused

    async def _refused(self, row: Row, reason: str, outbox: Outbox) -> None:
        await outbox.fail(row.id, reason, attempts=self.attempts)
        tried = row.attempts + 1
        parked = tried >= self.attempts
        if not parked:
            until = time.monotonic() + min(_LONGEST_BACKOFF, _SHORTEST_BACKOFF * 2**row.attempts)
            # A younger row of the aggregate, refused with this one, must not shorten its waiting.
            self._waiting[row.aggregateid] = max(until, self._waiting.get(row.aggregateid, until))
        metrics.FAILED.labels(row.type).inc()
        tell = log.error if parked else log.warning
        tell("event not sent", event_id=str(row.id), event_type=row.type, reason=reason, attempts=tried, parked=parked)

    def _count(self, sent: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        for row, outcome in zip(sent, outcomes, strict=True):
            if outcome in _TAKEN:
                metrics.PUBLISHED.labels(row.type).inc()
            if outcome is Outcome.UNROUTED:
                metrics.UNROUTED.labels(row.type).inc()


def _traced(row: Row, traceparent: str, spans: ExitStack) -> dict[str, str]:
    """A span of its own for an event of a recorded trace, until its batch is confirmed."""
    if traceparent[-1:] not in _SAMPLED_FLAGS:
        return {}
    attributes = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "send",
        "messaging.message.id": str(row.id),
    }
    spans.enter_context(span(f"publish {row.type}", kind="producer", traceparent=traceparent, attributes=attributes))
    return carried()


_TAKEN = (Outcome.CONFIRMED, Outcome.UNROUTED)
_SAMPLED_FLAGS = tuple("13579bdf")
