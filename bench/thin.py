"""A channel for generated stubs that costs next to nothing: unary calls over one connection of HTTP/2.

A client of grpc.aio takes as much of a processor as the server that it calls, and on a small machine the figure would
be the client's. So ceilings are looked for with this one, which stands where `grpc.aio.insecure_channel` would. It has
no deadlines, and any failure ends what is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

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
    literal,
    status,
)

_PATH = b"\x04"  # a literal that is not remembered, of the static table's fourth name
_FRAME = 16_384  # the most that every server takes (RFC 9113, 4.2)
_REPLENISH = PLENTY // 2


class Channel:
    """Calls one address with one token. Callers may have as many calls under way as they like."""

    def __init__(self, address: str, bearer: str) -> None:
        self._address = address
        self._connection = _Connection(address, bearer)

    async def __aenter__(self) -> Self:
        host, port = self._address.split(":")
        await asyncio.get_running_loop().create_connection(lambda: self._connection, host, int(port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def unary_unary(
        self,
        path: str,
        request_serializer: Callable[[Any], bytes],
        response_deserializer: Callable[[bytes], Any],
        _registered_method: bool = False,
    ) -> Callable[..., Awaitable[Any]]:
        """A method, as a stub has it."""
        block = _PATH + literal(path.encode())

        async def call(request: Any, metadata: object = None) -> Any:  # noqa: ARG001 - the token goes with each call
            return response_deserializer(await self._connection.call(block, request_serializer(request)))

        return call

    def unary_stream(self, path: str, **_: object) -> Callable[..., Awaitable[Any]]:
        """Streams are not measured with it."""

        def refuse(*_: object) -> Awaitable[Any]:
            raise NotImplementedError(path)

        return refuse


class _Connection(asyncio.Protocol):
    def __init__(self, address: str, bearer: str) -> None:
        full, indexed = fields({b":authority": address, b"authorization": bearer})
        self._rest = [full, indexed]
        self._streams: dict[int, tuple[asyncio.Future[bytes], bytearray]] = {}
        self._opened = 0
        self._window = 65_535
        self._granted = PLENTY
        self._waiting = list[tuple[bytes, bytes, asyncio.Future[bytes]]]()
        self._out = list[bytes]()
        self._buffer = b""

    async def call(self, path: bytes, request: bytes) -> bytes:
        """The answer to a request. Raises RuntimeError with gRPC's code if there is none."""
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((path, b"\0" + len(request).to_bytes(4, "big") + request, answer))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._flush)
        return await answer

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio: say hello."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of create_connection
        self._transport = transport
        transport.write(HELLO)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio: nothing more will come."""
        for answer, _ in self._streams.values():
            if not answer.done():
                answer.set_exception(ConnectionError(f"lost: {error}"))

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        data = self._buffer + data
        at = 0
        while len(data) - at >= 9:
            end = at + 9 + int.from_bytes(data[at : at + 3], "big")
            if len(data) < end:
                break
            stream = int.from_bytes(data[at + 5 : at + 9], "big")
            self._received(data[at + 3], data[at + 4], stream, data[at + 9 : end])
            at = end
        self._buffer = data[at:]
        self._flush()

    def _received(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == DATA:
            self._streams[stream][1].extend(payload)
            self._granted -= len(payload)
        elif kind == HEADERS and flags & END_STREAM:
            self._ended(stream, payload)
        elif kind == WINDOW and stream == 0:
            self._window += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            self._out.append(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._out.append(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY or (kind == RST and payload != NO_ERROR):
            raise ConnectionError(f"the server ended stream {stream}: {payload!r}")

    def _ended(self, stream: int, trailers: bytes) -> None:
        answer, data = self._streams.pop(stream)
        if not data:
            answer.set_exception(RuntimeError(f"refused with gRPC's code {status(trailers)}"))
        else:
            answer.set_result(bytes(data[5:]))

    def _flush(self) -> None:
        sent = 0
        for path, request, answer in self._waiting:
            if len(request) > self._window:
                break
            self._send(path, request, answer)
            sent += 1
        del self._waiting[:sent]
        if self._granted < _REPLENISH:
            self._out.append(frame(WINDOW, 0, 0, (PLENTY - self._granted).to_bytes(4, "big")))
            self._granted = PLENTY
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def _send(self, path: bytes, request: bytes, answer: asyncio.Future[bytes]) -> None:
        stream = 2 * self._opened + 1
        block = POST_HTTP + path + self._rest[min(self._opened, 1)]
        self._out.append(frame(HEADERS, END_HEADERS, stream, block))
        for at in range(0, len(request), _FRAME):
            last = END_STREAM if at + _FRAME >= len(request) else 0
            self._out.append(frame(DATA, last, stream, request[at : at + _FRAME]))
        self._window -= len(request)
        self._streams[stream] = (answer, bytearray())
        self._opened += 1
