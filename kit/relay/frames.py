"""AMQP 0-9-1 as far as publishing needs it, written by hand where it is written for every event.

pamqp does the rest. Header values are long strings and 64-bit integers: these two every client reads alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
BASIC_ACK, BASIC_NACK, BASIC_RETURN = b"\x00\x3c\x00\x50", b"\x00\x3c\x00\x78", b"\x00\x3c\x00\x32"
HEARTBEAT_FRAME = b"\x08\x00\x00\x00\x00\x00\x00\xce"

_FRAME = struct.Struct(">BHI")
_CONTENT = struct.Struct(">HHQH")
_CONFIRM = struct.Struct(">QB")
_LONG = struct.Struct(">I")
_INTEGER = struct.Struct(">q")
_END = b"\xce"
_BASIC = 60
_PUBLISH = b"\x00\x3c\x00\x28\x00\x00"
_MANDATORY = b"\x01"
# content type, headers, delivery mode, message id
_FLAGS = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7
_PERSISTENT = b"\x02"
_OVERHEAD = 8


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published: `key` is its routing key, `id` its message id."""

    id: str
    key: str
    body: bytes
    headers: Mapping[str, str | int]


def publish(channel: int, exchange: str, message: Outgoing, content_type: str, frame_max: int) -> bytes:
    """The frames that publish a message, with a request to return it if nobody listens.

    Raises ValueError for what AMQP can't carry.
    """
    properties = b"".join(
        (
            _CONTENT.pack(_BASIC, 0, len(message.body), _FLAGS),
            _short(content_type),
            _table(message.headers),
            _PERSISTENT,
            _short(message.id),
        )
    )
    parts = [
        _frame(METHOD, channel, b"".join((_PUBLISH, _short(exchange), _short(message.key), _MANDATORY))),
        _frame(HEADER, channel, properties),
    ]
    size = frame_max - _OVERHEAD
    parts += [_frame(BODY, channel, message.body[start : start + size]) for start in range(0, len(message.body), size)]
    return b"".join(parts)


def split(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take the whole frames off a buffer: type and payload."""
    start, length = 0, len(buffer)
    while length - start >= _FRAME.size:
        kind, _, size = _FRAME.unpack_from(buffer, start)
        end = start + _FRAME.size + size + len(_END)
        if end > length:
            break
        yield kind, bytes(buffer[start + _FRAME.size : end - len(_END)])
        start = end
    del buffer[:start]


def confirmation(payload: bytes) -> tuple[int, bool]:
    """Delivery tag of an ack or nack, and whether it stands for all earlier ones too."""
    tag, bits = _CONFIRM.unpack_from(payload, 4)
    return tag, bool(bits & 1)


def whole(kind: int, channel: int, payload: bytes) -> bytes:
    """The frame that a payload came in; for pamqp."""
    return _frame(kind, channel, payload)


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return b"".join((_FRAME.pack(kind, channel, len(payload)), payload, _END))


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data


def _table(values: Mapping[str, str | int]) -> bytes:
    data = b"".join(_short(key) + _value(value) for key, value in values.items())
    return _LONG.pack(len(data)) + data


def _value(value: str | int) -> bytes:
    if isinstance(value, int):
        return b"l" + _INTEGER.pack(value)
    data = value.encode()
    return b"S" + _LONG.pack(len(data)) + data
