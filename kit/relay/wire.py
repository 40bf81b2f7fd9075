"""A connection to RabbitMQ for a publisher: handshake, one channel in confirm mode, heartbeats, the end.

The broker and the client speak in turns until the channel is ready; each answer of the broker leads to the next
request, so the handshake is a table.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from pamqp import base, commands, frame, header

from kit.broker import virtual_host
from kit.relay import frames

CHANNEL = 1
_HEARTBEAT_SECONDS = 10
_CONNECT_SECONDS = 5.0
_PORTS = {"amqp": 5672, "amqps": 5671}


class BrokerLost(Exception):
    """There is no connection to the broker; the message says why."""


class Listener(Protocol):
    """Who wants to know what becomes of the messages."""

    def confirmed(self, tag: int, *, multiple: bool, taken: bool) -> None:
        """The broker took charge of a message, or refused it; `multiple`: of all up to it."""

    def returned(self, message_id: str) -> None:
        """Nobody listens to this message; its confirmation follows."""

    def lost(self) -> None:
        """Nothing more will come."""


class Wire(asyncio.Protocol):
    """Made by `open_wire`. `trouble` says why it can't be used any more.

    `refusal` is set when the broker closed the channel, as it does for a message that it holds to be wrong.
    """

    def __init__(self, url: str, exchange: str, name: str, listener: Listener) -> None:
        parts = urlsplit(url)
        self._login = f"\0{unquote(parts.username or 'guest')}\0{unquote(parts.password or 'guest')}"
        self._host = virtual_host(url)
        self._exchange = exchange
        self._name = name
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._returning = False
        self._heard = self._loop.time()
        self._beat: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self._ended = asyncio.Event()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.unblocked = asyncio.Event()
        self.unblocked.set()
        self.frame_max = 0
        self.trouble: str | None = None
        self.refusal: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio: say hello."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP connection is one
        self._transport = transport
        self.write(header.ProtocolHeader().marshal())

    def connection_lost(self, error: Exception | None) -> None:
        """Called by asyncio: the connection has ended."""
        self._end(type(error).__name__ if error else "the connection was closed")

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._heard = self._loop.time()
        self._buffer += data
        for kind, payload in frames.split(self._buffer):
            if kind == frames.METHOD:
                self._method(payload)
            elif kind == frames.HEADER and self._returning:
                self._returning = False
                self._listener.returned(_message_id(payload))

    def write(self, data: bytes) -> None:
        """Send frames."""
        if self._transport is not None and self.trouble is None:
            self._transport.write(data)

    def close(self, reason: str = "closed") -> None:
        """Hang up."""
        self._end(reason)
        if self._transport is not None:
            self._transport.abort()

    async def goodbye(self) -> None:
        """Hang up politely: the broker has dealt with everything that was sent before."""
        self._send(0, commands.Connection.Close(200, "goodbye", 0, 0))
        with suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._ended.wait()
        self.close()

    def _method(self, payload: bytes) -> None:
        signature = payload[:4]
        if signature in (frames.BASIC_ACK, frames.BASIC_NACK):
            tag, multiple = frames.confirmation(payload)
            self._listener.confirmed(tag, multiple=multiple, taken=signature == frames.BASIC_ACK)
        elif signature == frames.BASIC_RETURN:
            self._returning = True
        else:
            method = frame.unmarshal(frames.whole(frames.METHOD, CHANNEL, payload))[2]
            answer = self._answers.get(type(method))
            if answer is not None:
                answer(self, method)

    def _send(self, channel: int, method: base.Frame) -> None:
        self.write(frame.marshal(method, channel))

    def _on_start(self, _: Any) -> None:
        wanted = {"publisher_confirms": True, "basic.nack": True, "connection.blocked": True}
        client: dict[str, Any] = {"product": "kehu", "connection_name": self._name, "capabilities": wanted}
        self._send(0, commands.Connection.StartOk(client, "PLAIN", self._login, "en_US"))

    def _on_tune(self, method: Any) -> None:
        self.frame_max = method.frame_max or 131_072
        self._send(0, commands.Connection.TuneOk(method.channel_max, self.frame_max, _HEARTBEAT_SECONDS))
        self._send(0, commands.Connection.Open(self._host))

    def _on_open(self, _: Any) -> None:
        self._watch()
        self._send(CHANNEL, commands.Channel.Open())

    def _on_channel(self, _: Any) -> None:
        self._send(CHANNEL, commands.Exchange.Declare(exchange=self._exchange, exchange_type="topic", durable=True))

    def _on_exchange(self, _: Any) -> None:
        self._send(CHANNEL, commands.Confirm.Select())

    def _on_confirms(self, _: Any) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def _on_blocked(self, _: Any) -> None:
        self.unblocked.clear()

    def _on_unblocked(self, _: Any) -> None:
        self.unblocked.set()

    def _on_channel_close(self, method: Any) -> None:
        self.refusal = f"{method.reply_code} {method.reply_text}"
        self._send(CHANNEL, commands.Channel.CloseOk())
        self.close(self.refusal)

    def _on_close(self, method: Any) -> None:
        self._send(0, commands.Connection.CloseOk())
        self.close(f"{method.reply_code} {method.reply_text}")

    def _on_closed(self, _: Any) -> None:
        self.close("closed")

    _answers: dict[type[Any], Callable[[Wire, Any], None]] = {  # noqa: RUF012 - never changed
        commands.Connection.Start: _on_start,
        commands.Connection.Tune: _on_tune,
        commands.Connection.OpenOk: _on_open,
        commands.Channel.OpenOk: _on_channel,
        commands.Exchange.DeclareOk: _on_exchange,
        commands.Confirm.SelectOk: _on_confirms,
        commands.Connection.Blocked: _on_blocked,
        commands.Connection.Unblocked: _on_unblocked,
        commands.Channel.Close: _on_channel_close,
        commands.Connection.Close: _on_close,
        commands.Connection.CloseOk: _on_closed,
    }

    def _watch(self) -> None:
        """Give a sign of life twice per interval; hang up on a broker that gave none for two."""
        if self._loop.time() - self._heard > 2 * _HEARTBEAT_SECONDS:
            self.close("the broker has gone silent")
        elif self.trouble is None:
            self.write(frames.HEARTBEAT_FRAME)
            self._beat = self._loop.call_later(_HEARTBEAT_SECONDS / 2, self._watch)

    def _end(self, reason: str) -> None:
        if self.trouble is not None:
            return
        self.trouble = reason
        if self._beat is not None:
            self._beat.cancel()
        self._ended.set()
        self.unblocked.set()
        if not self.ready.done():
            self.ready.set_exception(BrokerLost(reason))
        self._listener.lost()


async def open_wire(url: str, *, exchange: str, name: str, listener: Listener) -> Wire:
    """A connection that is ready to publish to the topic exchange `exchange`. Raises BrokerLost."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("a broker's address begins with amqp:// or amqps://")
    context = ssl.create_default_context() if parts.scheme == "amqps" else None
    wire = Wire(url, exchange, name, listener)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            port = parts.port or _PORTS[parts.scheme]
            await loop.create_connection(lambda: wire, parts.hostname or "localhost", port, ssl=context)
            await wire.ready
    except (OSError, TimeoutError) as error:
        wire.close(type(error).__name__)
        with suppress(BrokerLost, asyncio.CancelledError):
            wire.ready.result()
        raise BrokerLost(type(error).__name__) from error
    return wire


def _message_id(payload: bytes) -> str:
    content = frame.unmarshal(frames.whole(frames.HEADER, CHANNEL, payload))[2]
    assert isinstance(content, header.ContentHeader)  # noqa: S101 - narrows the type; such is the frame
    return str(content.properties.message_id)
