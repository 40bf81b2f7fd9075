"""What happens to a batch of deliveries: one transaction if all goes well, else one for each event.

This module knows neither nameko nor the broker: it is the part to take along to another host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from kit import inbox
from kit.broker import Retries
from kit.clock import Clock, utc_now
from kit.db import Database
from kit.errors import Fault
from kit.telemetry import Span, log, span
from kit.unit import Unit
from kit.worker import metrics
from kit.worker.events import Delivery, Received, Unreadable, read
from kit.worker.subscriptions import Subscription
from kit.worker.tally import Tally
from kit.worker.verdict import Failure, dead, is_infrastructure, judge, reason_of

Pair = tuple[Delivery, Received]


class Interrupted(BaseException):
    """The process is to stop while the database is away: the batch goes back to the broker as it came."""


@dataclass(slots=True)
class Handling:
    """Handles the deliveries of one queue.

    `pause` is called before each further look at a database that is away, with the number of the look; it raises
    Interrupted when the process is to stop.
    """

    subscription: Subscription
    database: Database[Unit]
    retries: Retries
    pause: Callable[[int], None]
    clock: Clock = utc_now

    def handle(self, deliveries: Sequence[Delivery]) -> list[Failure]:
        """Bring about all effects of the deliveries; answers those that failed. Raises Interrupted.

        It may be called again with the same deliveries: what has taken effect is known, and passed over.
        """
        tally = Tally(self.subscription.queue, self.subscription.source, self.subscription.events)
        pairs, failures = self._read(deliveries, tally)
        # What has failed before is tried alone, or it would take its neighbours down again.
        failures += self._together([pair for pair in pairs if not pair[0].attempts], tally)
        for pair in pairs:
            if pair[0].attempts:
                failures += self._alone(pair, tally)
        tally.report()
        return failures

    def _read(self, deliveries: Sequence[Delivery], tally: Tally) -> tuple[list[Pair], list[Failure]]:
        pairs: list[Pair] = []
        failures: list[Failure] = []
        for delivery in deliveries:
            try:
                pairs.append((delivery, read(delivery, self.subscription.types)))
            except Unreadable as unreadable:
                failures.append(dead(delivery, unreadable.args[0]))
                tally.failed(failures[-1])
        return pairs, failures

    def _together(self, pairs: Sequence[Pair], tally: Tally) -> list[Failure]:
        if len(pairs) > 1:
            try:
                self._commit(pairs, tally)
                return []
            except Exception as error:  # noqa: BLE001 - whatever one event made the handler raise, the others go on
                log.warning("batch failed, each event is tried alone", queue=tally.queue, reason=reason_of(error))
        return [failure for pair in pairs for failure in self._alone(pair, tally)]

    def _alone(self, pair: Pair, tally: Tally) -> list[Failure]:
        try:
            self._commit([pair], tally)
        except Exception as error:  # noqa: BLE001 - whatever the handler raised, the event must not be lost
            failure = judge(pair[0], error, self.retries)
            tally.failed(failure, error)
            return [failure]
        return []

    def _commit(self, pairs: Sequence[Pair], tally: Tally) -> None:
        """One transaction. Waits for a database that is away as long as it takes."""
        events = [event for _, event in pairs]
        looks = 0
        while True:
            started = time.perf_counter()
            try:
                new = self.database.write(self._apply, events)
            except Fault as fault:
                if not is_infrastructure(fault) or self._database_answers():
                    raise
                looks = self._hold(looks + 1)
            else:
                tally.committed(events, new, self.clock(), time.perf_counter() - started)
                return

    def _apply(self, unit: Unit, events: Sequence[Received]) -> list[Received]:
        ids = inbox.take(unit.connection, self.subscription.queue, [event.id for event in events], now=unit.now)
        # The batch itself may hold an event twice.
        new = list({event.id: event for event in events if event.id in ids}.values())
        for group in _groups(new):
            with _traced(group, self.subscription.queue):
                self.subscription.handler(unit, group)
        return new

    def _hold(self, look: int) -> int:
        """Wait until the database answers; the number of the last look."""
        metrics.HELD.labels(self.subscription.queue).inc()
        self.pause(look)
        while not self._database_answers():
            look += 1
            self.pause(look)
        return look

    def _database_answers(self) -> bool:
        try:
            self.database.ping()
        except Fault:
            return False
        return True


def _groups(events: Sequence[Received]) -> list[list[Received]]:
    """Events of recorded traces are handled alone, so that what they cause belongs to their trace and no other."""
    unrecorded = [event for event in events if not event.sampled]
    return [*([unrecorded] if unrecorded else []), *([event] for event in events if event.sampled)]


def _traced(group: Sequence[Received], queue: str) -> AbstractContextManager[Span]:
    if len(group) > 1:
        return nullcontext(Span())
    attributes = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "process",
        "messaging.destination.name": queue,
        "messaging.message.id": str(group[0].id),
    }
    name = f"process {group[0].type}"
    return span(name, kind="consumer", traceparent=group[0].traceparent, attributes=attributes)
