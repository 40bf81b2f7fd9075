"""The nameko extension that turns a queue into worker calls: one call for one batch."""

from __future__ import annotations

import time
from typing import Any

from nameko.extensions import Entrypoint

from kit.clock import utc_now
from kit.db import Database
from kit.telemetry import log
from kit.worker import outlet
from kit.worker.handling import Handling, Interrupted
from kit.worker.intake import Intake
from kit.worker.subscriptions import Subscription, Subscriptions
from kit.worker.verdict import Failure, places_of, reason_of

_BATCHES_AHEAD = 2
"""The broker may deliver the next batch while the present one is being handled."""

_REST_SECONDS = 0.15
"""Between the beginnings of two batches, unless many events wait. A transaction costs nearly the same for one event and
for many: of members' settlement 3.5 ms, and 0.2 ms for each event (docs/adr/0016)."""

_MANY = 4
"""This part of a batch is many."""

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Batches(Entrypoint):  # type: ignore[misc] # nameko has no types
    """Gathers the deliveries of a queue and gives them to one worker at a time.

    nameko's own Consumer runs one worker per message, acks what failed, and on shutdown closes the connection before
    the last acknowledgements (see docs/adr): this one does none of it.
    """

    def __init__(
        self,
        subscription: Subscription,
        database: Database[Any],
        url: str,
        owner: Subscriptions,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._subscription = subscription
        self._database = database
        self._url = url
        self._owner = owner
        self._set_up = False
        self._began = 0.0

    def setup(self) -> None:
        """Called by nameko before anything starts."""
        self._handling = Handling(self._subscription, self._database, self._owner.retries, self._pause)
        self._intake = Intake(
            self._url,
            self._subscription.queue,
            self._owner.topology(),
            prefetch=_BATCHES_AHEAD * self._subscription.batch,
            on_arrival=self._call,
        )
        self._set_up = True

    def start(self) -> None:
        """Begin to receive."""
        self._reader = self.container.spawn_managed_thread(self._intake.run)

    def stop(self) -> None:
        """Return when the batch under way is acknowledged and the rest given back."""
        self._intake.stop()
        self._reader.wait()

    def kill(self) -> None:
        """Stop without grace."""
        self._intake.stop()
        self._reader.kill()

    @property
    def connected(self) -> bool:
        """Whether the broker can reach us."""
        return self._set_up and self._intake.connected  # health may be asked for before anything starts

    def _call(self) -> None:
        self.container.spawn_worker(self, (self._work,), {}, handle_result=lambda _, result, error: (result, error))

    def _work(self) -> None:
        """The body of the worker call."""
        self._gather()
        batch = self._intake.take(self._subscription.batch)
        if batch is None:
            return
        try:
            self._hand_back(self._handling.handle(batch.deliveries))
        except Interrupted:
            self._intake.give_up(batch)
        except Exception as error:  # noqa: BLE001 - unacknowledged, the batch comes again
            log.error(
                "batch given up", queue=self._subscription.queue, reason=reason_of(error), places=places_of(error)
            )
            self._intake.give_up(batch)
        else:
            self._intake.settle(batch)

    def _gather(self) -> None:
        """Who comes alone is not kept waiting; who comes soon after others waits for those who come after."""
        rest = self._began + _REST_SECONDS - time.monotonic()
        if rest > 0 and self._intake.waiting * _MANY < self._subscription.batch:
            time.sleep(rest)
        self._began = time.monotonic()

    def _hand_back(self, failures: list[Failure]) -> None:
        if failures:
            outlet.publish(self._url, self._owner.service, self._subscription.queue, failures, now=utc_now())

    def _pause(self, look: int) -> None:
        """Between two looks at a database that is away; gives in to a stop."""
        until = time.monotonic() + min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2 ** min(look, 10))
        while time.monotonic() < until:
            if self._intake.stopping:
                raise Interrupted
            time.sleep(_SHORTEST_PAUSE)
