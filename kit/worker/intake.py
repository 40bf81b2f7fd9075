"""The deliveries of one queue: received by one greenlet, handed out in batches to another, acknowledged after it."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import amqp

from kit import broker
from kit.broker import Topology
from kit.telemetry import log
from kit.worker import metrics
from kit.worker.events import Delivery

HEARTBEAT_SECONDS = 15
"""A broker that vanished without a word is noticed after twice as long. A handler that computes for longer than that,
without a statement in between, loses the connection and is run again."""

_TICK_SECONDS = 0.5
_BEAT_SECONDS = 1.0
_LOOK_SECONDS = 10.0
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
_STEADY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries in the order of their tags, and the channel that they came through."""

    channel: Any
    deliveries: list[Delivery]


class Intake:
    """Keeps a connection to the broker and at most `prefetch` unacknowledged deliveries.

    `on_arrival` is called when there is something to `take`, and then not again before what was taken is settled or
    given up. As one batch is out at a time, all tags up to its last one are settled with it, and one acknowledgement
    does for all of it.
    """

    def __init__(
        self, url: str, queue: str, topology: Topology, *, prefetch: int, on_arrival: Callable[[], None]
    ) -> None:
        self._url = url
        self._queue = queue
        self._topology = topology
        self._prefetch = prefetch
        self._on_arrival = on_arrival
        self._waiting: deque[amqp.Message] = deque()
        self._channel: Any = None
        self._abandoned = False
        self._busy = False
        self._last_tag = 0
        self._settled_tag = 0
        self._next_beat = 0.0
        self._next_look = 0.0
        self.stopping = False

    @property
    def connected(self) -> bool:
        """Whether deliveries can come in."""
        return self._channel is not None

    @property
    def waiting(self) -> int:
        """How many deliveries are here to be taken."""
        return len(self._waiting)

    def run(self) -> None:
        """Receive until `stop`; connects again whatever happens to the connection."""
        pause = _SHORTEST_PAUSE
        while True:
            started = time.monotonic()
            reason = self._receive()
            if self.stopping:
                return
            if time.monotonic() - started > _STEADY_SECONDS:
                pause = _SHORTEST_PAUSE
            log.warning("not consuming", queue=self._queue, reason=reason, retry_seconds=round(pause, 1))
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, _LONGEST_PAUSE)

    def stop(self) -> None:
        """Take no more; `run` returns when the batch that is out is settled."""
        self.stopping = True

    def take(self, limit: int) -> Batch | None:
        """The oldest waiting deliveries; None if the connection that they came through is gone."""
        if self._channel is None or not self._waiting or self.stopping:
            self._release()
            return None
        count = min(limit, len(self._waiting))
        return Batch(self._channel, [_delivery(self._waiting.popleft()) for _ in range(count)])

    def settle(self, batch: Batch) -> None:
        """The effects of the batch are committed and its failures are in the broker's hands: acknowledge it."""
        # Through another channel the broker has these deliveries back, and sends them again: the inbox knows them.
        if batch.channel is self._channel:
            try:
                batch.channel.basic_ack(batch.deliveries[-1].tag, multiple=True)
                self._settled_tag = batch.deliveries[-1].tag
            except broker.BROKER_ERRORS as error:
                log.warning("acknowledgement lost", queue=self._queue, reason=type(error).__name__)
        self._release()

    def give_up(self, batch: Batch) -> None:
        """The batch was not brought to an end: give it back to the broker, and connect again after a pause."""
        self._abandoned = batch.channel is self._channel
        self._release()

    def _release(self) -> None:
        self._busy = False
        if self._waiting:
            self._offer()

    def _offer(self) -> None:
        if not self._busy and not self.stopping and not self._abandoned:
            self._busy = True
            self._on_arrival()

    def _receive(self) -> str:
        """One connection, from its beginning to its end; why it ended."""
        connection = None
        try:
            connection = broker.connect(self._url, heartbeat=HEARTBEAT_SECONDS, name=self._queue)
            channel = self._consume(connection)
            looking = connection.channel()
            while not self.stopping and not self._abandoned:
                self._read(connection, _TICK_SECONDS)
                self._look(looking)
            self._drain(connection, channel)
        except broker.BROKER_ERRORS as error:
            return type(error).__name__
        finally:
            self._channel = None
            self._waiting.clear()
            metrics.CONNECTED.labels(self._queue).set(0)
            if connection is not None:
                connection.collect()
        return "a batch was given up"

    def _consume(self, connection: amqp.Connection) -> amqp.Channel:
        channel = amqp.Channel(connection, auto_decode=False)
        channel.open()
        broker.declare_on(channel, self._topology)
        channel.basic_qos(0, self._prefetch, a_global=False)
        self._last_tag = self._settled_tag = 0
        self._abandoned = False
        self._channel = channel
        channel.basic_consume(self._queue, consumer_tag=self._queue, callback=self._arrived)
        metrics.CONNECTED.labels(self._queue).set(1)
        log.info("consuming", queue=self._queue, prefetch=self._prefetch)
        return channel

    def _arrived(self, message: amqp.Message) -> None:
        self._waiting.append(message)
        self._last_tag = message.delivery_info["delivery_tag"]
        self._offer()

    def _read(self, connection: amqp.Connection, seconds: float) -> None:
        with suppress(TimeoutError):
            connection.drain_events(timeout=seconds)
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + _BEAT_SECONDS
            connection.heartbeat_tick()

    def _look(self, channel: amqp.Channel) -> None:
        """Tell now and then how much waits. On a channel of its own; what is delivered meanwhile arrives as ever."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_SECONDS
        for queue, gauge in ((self._queue, metrics.WAITING), (broker.dead_queue(self._queue), metrics.DEAD)):
            gauge.labels(self._queue).set(channel.queue_declare(queue, passive=True).message_count)

    def _drain(self, connection: amqp.Connection, channel: amqp.Channel) -> None:
        """Take no more, let the batch that is out come to its end, give the rest back, say goodbye."""
        channel.basic_cancel(self._queue, nowait=True)
        while self._busy:
            self._read(connection, _TICK_SECONDS / 5)
        if self._last_tag > self._settled_tag:
            _give_back(channel, self._last_tag)
        channel.close()
        connection.close()


def _delivery(message: amqp.Message) -> Delivery:
    properties: dict[str, Any] = message.properties
    return Delivery(
        tag=message.delivery_info["delivery_tag"],
        body=message.body,
        content_type=properties.get("content_type", ""),
        headers=properties.get("application_headers", {}),
    )


def _give_back(channel: amqp.Channel, tag: int) -> None:
    """Return every unsettled delivery. By nack, which RabbitMQ 4.3 doesn't count as a failure; py-amqp has no method
    for it."""
    channel.send_method(amqp.spec.Basic.Nack, "Lbb", (tag, True, True))
