"""gRPC with prepared requests: a client of HTTP/2 (RFC 9113) that costs next to nothing, so that on a small machine the
load leaves the processors to what is measured.

All calls go to one method with one token. Requests are serialized before the clock starts; an answer is only told from
a refusal. Header fields are sent in full once and by their index from then on, as any client does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

from bench.http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    HELLO,
    NO_ERROR,
    PING,
    PLENTY,
    POST_HTTP,
    RST,
    SETTINGS,
    WINDOW,
    fields,
    frame,
)

_MAX_STREAMS = 3  # SETTINGS_MAX_CONCURRENT_STREAMS
_CANCEL = (8).to_bytes(4, "big")


@dataclass
class Outcome:
    """Latencies in seconds, of the calls that were answered and of those that were refused."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Take in what others saw."""
        self.answered += other.answered
        self.refused += other.refused


async def call_all(
    address: str, path: str, bearer: str, requests: Sequence[bytes], *, together: int, start: float
) -> Outcome:
    """Send all requests over one connection, so many at a time, from an instant of `perf_counter` on."""
    host, port = address.split(":")
    connection = Connection(address, path, bearer, requests, together)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: connection, host, int(port))
    await asyncio.sleep(max(0.0, start - perf_counter()))
    connection.begin()
    await connection.done
    transport.close()
    return connection.outcome


class Connection(asyncio.Protocol):
    """A connection that sends prepared requests, so many at a time."""

    def __init__(self, address: str, path: str, bearer: str, requests: Sequence[bytes], together: int) -> None:
        self.outcome = Outcome()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        full, indexed = fields({b":path": path, b":authority": address, b"authorization": bearer})
        self._blocks = [POST_HTTP + full, POST_HTTP + indexed]
        self._requests = [b"\0" + len(each).to_bytes(4, "big") + each for each in requests]
        self._together = together
        self._sent = 0
        self._opened = 0
        self._window = 65_535
        self._most = PLENTY
        self._under_way: dict[int, list[float]] = {}
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio: say hello."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of create_connection
        self._transport = transport
        transport.write(HELLO)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio: nothing more will come."""
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"lost after {self._sent} calls: {error}"))

    def begin(self) -> None:
        """Send as many as may be under way."""
        self._transport.write(self._fill())

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        data = self._buffer + data
        at, answers = 0, b""
        while len(data) - at >= 9:
            length = int.from_bytes(data[at : at + 3], "big")
            end = at + 9 + length
            if len(data) < end:
                break
            stream = int.from_bytes(data[at + 5 : at + 9], "big")
            answers += self._received(data[at + 3], data[at + 4], stream, data[at + 9 : end])
            at = end
        self._buffer = data[at:]
        answers += self._fill()
        if answers:
            self._transport.write(answers)
        if self._sent == len(self._requests) and not self._under_way and not self.done.done():
            self.done.set_result(None)

    def _received(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        """Take in a frame; answers what is to be sent for it."""
        if kind == DATA:
            self._under_way.get(stream, [0.0, 0.0])[1] = 1.0
            return frame(WINDOW, 0, 0, len(payload).to_bytes(4, "big")) if payload else b""
        if kind == HEADERS and flags & END_STREAM:
            self._over(stream, payload)
        elif kind == WINDOW and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            self._settle(payload)
            return frame(SETTINGS, ACK, 0, b"")
        elif kind == PING and not flags & ACK:
            return frame(PING, ACK, 0, payload)
        elif kind == RST and payload == NO_ERROR:
            pass  # refused before all of its request was read: it has been told why
        elif kind in {RST, GOAWAY}:
            raise ConnectionError(f"the server ended stream {stream}: {payload!r}")
        return b""

    def _settle(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            if int.from_bytes(payload[at : at + 2], "big") == _MAX_STREAMS:
                self._most = int.from_bytes(payload[at + 2 : at + 6], "big")

    def _over(self, stream: int, block: bytes) -> None:
        if stream in self._under_way:
            began, answered = self._under_way.pop(stream)
            self._ended(began, answered=bool(answered), block=block)

    def _fill(self) -> bytes:
        frames = []
        while self._sent < len(self._requests) and len(self._under_way) < self._most and self._due():
            request = self._requests[self._sent]
            if len(request) > self._window:
                break
            stream = 2 * self._opened + 1
            block = self._blocks[min(self._opened, 1)]
            frames += [frame(HEADERS, END_HEADERS, stream, block), frame(DATA, END_STREAM, stream, request)]
            self._window -= len(request)
            self._under_way[stream] = [self._began(), 0.0]
            self._sent += 1
            self._opened += 1
        return b"".join(frames)

    def _due(self) -> bool:
        """Whether the next request may be sent now."""
        return len(self._under_way) < self._together

    def _began(self) -> float:
        """The instant from which the next call's latency counts."""
        return perf_counter()

    def _pass_over(self) -> None:
        """Never send the next request."""
        self._sent += 1

    def _cancel(self, stream: int) -> bytes:
        """Want no answer any more; answers what is to be sent."""
        del self._under_way[stream]
        return frame(RST, 0, stream, _CANCEL)

    def _ended(self, began: float, *, answered: bool, block: bytes) -> None:  # noqa: ARG002 - for those who read it
        """A call is over; `block` holds its last header fields."""
        (self.outcome.answered if answered else self.outcome.refused).append(perf_counter() - began)
