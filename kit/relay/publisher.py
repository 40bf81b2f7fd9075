"""Publish a batch and learn what became of each message.

aio-pika and aiormq make several objects and a future for each message, 115 to 150 µs of work; here a batch is one write
and one future, 20 µs a message: a third of a core at the rates of an import (see docs/adr).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum, auto

from kit.broker import headers
from kit.relay import frames
from kit.relay.frames import Outgoing
from kit.relay.wire import CHANNEL, Wire, open_wire


class Outcome(Enum):
    """What became of a message."""

    CONFIRMED = auto()
    """It is in the queues of everybody who listens."""
    UNROUTED = auto()
    """The broker took it, and nobody listens."""
    REFUSED = auto()
    """The broker did not take it."""
    UNANSWERED = auto()
    """The connection ended, or the time was up: it may have arrived or not."""


class Publisher:
    """Publishes to one exchange through one connection, made by `connect`, one batch at a time."""

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange
        self._sent = 0
        self._window = Window(1, 0)
        self._returned: set[str] = set()
        self.timed_out = False
        """Whether the broker left messages unanswered for too long; the connection is closed then."""
        self._wire: Wire

    @classmethod
    async def connect(cls, url: str, exchange: str, *, name: str = "kehu relay") -> Publisher:
        """A connection to the topic exchange `exchange`, which is declared if need be. Raises BrokerLost."""
        publisher = cls(exchange)
        publisher._wire = await open_wire(url, exchange=exchange, name=name, listener=publisher)
        return publisher

    @property
    def trouble(self) -> str | None:
        """Why the connection can't be used any more; then a new one is needed."""
        return self._wire.trouble

    @property
    def refusal(self) -> str | None:
        """What the broker said when it closed the channel because of a message."""
        return self._wire.refusal

    @property
    def blocked(self) -> bool:
        """Whether the broker takes no messages for now: it is short of memory or disk."""
        return not self._wire.unblocked.is_set()

    def encode(self, message: Outgoing) -> bytes:
        """A message as it goes over the wire. Raises ValueError if AMQP can't carry it."""
        return frames.publish(CHANNEL, self._exchange, message, headers.CONTENT_TYPE, self._wire.frame_max)

    async def publish(self, ids: Sequence[str], encoded: Sequence[bytes], *, timeout: float) -> list[Outcome]:  # noqa: ASYNC109 - the answers that came in time count
        """Send messages in their order, all at once; answers what became of each.

        While the broker takes no messages at all (it is short of memory or disk) this waits. After a timeout the
        connection is closed.
        """
        await self._wire.unblocked.wait()
        self._window = window = Window(self._sent + 1, len(ids))
        self._sent += len(ids)
        self._returned.clear()
        self._wire.write(b"".join(encoded))
        if ids and self.trouble is None:
            await self._answered(window, timeout)
        return [
            Outcome.UNROUTED if outcome is Outcome.CONFIRMED and message_id in self._returned else outcome
            for message_id, outcome in zip(ids, window.outcomes, strict=True)
        ]

    def abort(self) -> None:
        """Hang up at once; a batch under way ends unanswered."""
        self._wire.close("aborted")

    async def close(self) -> None:
        """Hang up politely."""
        await self._wire.goodbye()

    def confirmed(self, tag: int, *, multiple: bool, taken: bool) -> None:
        """Called by the wire."""
        self._window.answer(tag, multiple=multiple, outcome=Outcome.CONFIRMED if taken else Outcome.REFUSED)

    def returned(self, message_id: str) -> None:
        """Called by the wire."""
        self._returned.add(message_id)

    def lost(self) -> None:
        """Called by the wire."""
        self._window.done.set()

    async def _answered(self, window: Window, seconds: float) -> None:
        while not window.done.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await window.done.wait()
            except TimeoutError:
                if self._wire.unblocked.is_set():
                    self.timed_out = True
                    self._wire.close("the broker did not answer in time")
                await self._wire.unblocked.wait()


class Window:
    """The messages under way: delivery tags from `first` on."""

    def __init__(self, first: int, count: int) -> None:
        self.outcomes = [Outcome.UNANSWERED] * count
        self.done = asyncio.Event()
        self._first = first
        self._open = count
        self._low = 0

    def answer(self, tag: int, *, multiple: bool, outcome: Outcome) -> None:
        """The broker's answer to the message with this tag; `multiple`: to all unanswered ones before it too."""
        last = tag - self._first
        if last < 0:
            return
        for index in range(self._low if multiple else last, last + 1):
            if self.outcomes[index] is Outcome.UNANSWERED:
                self.outcomes[index] = outcome
                self._open -= 1
        if multiple:
            self._low = last + 1
        if not self._open:
            self.done.set()
