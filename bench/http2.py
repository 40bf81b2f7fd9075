"""As much of HTTP/2 (RFC 9113) and HPACK (RFC 7541) as a client of gRPC needs that costs next to nothing."""

from __future__ import annotations

from collections.abc import Mapping

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
NO_ERROR = b"\0\0\0\0"
POST_HTTP = b"\x83\x86"  # `:method POST` and `:scheme http` of the static table
_FIRST_INDEX = 62  # of the dynamic table: the latest field comes first
PLENTY = 1 << 30
"""Bytes of a window that is never used up."""

_STATUS = (b"grpc-status", bytes.fromhex("9acac8b21234da8f"))
"""The field's name as it is, and as HPACK shortens it (RFC 7541, 5.2). No value of one or two digits gets shorter."""


def fields(of_the_call: Mapping[bytes, str]) -> tuple[bytes, bytes]:
    """The header fields of a call, in full for the first one on a connection and by their indices for the others. Those
    that begin with a colon have to come first."""
    every = {**of_the_call, b"content-type": "application/grpc", b"te": "trailers"}
    full = b"".join(b"\x40" + literal(name) + literal(value.encode()) for name, value in every.items())
    return full, bytes(0x80 | _FIRST_INDEX + place for place in reversed(range(len(every))))


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def literal(text: bytes) -> bytes:
    """A string literal of HPACK (RFC 7541, 5.2), not compressed."""
    if len(text) < 127:
        return bytes((len(text),)) + text
    rest, length = len(text) - 127, b"\x7f"
    while rest >= 128:
        length += bytes((rest % 128 | 128,))
        rest //= 128
    return length + bytes((rest,)) + text


# No field refers to one sent before, so that a status can be read without a memory of all the others.
HELLO = (
    PREFACE
    + frame(SETTINGS, 0, 0, b"\0\x01\0\0\0\0" + b"\0\x04" + PLENTY.to_bytes(4, "big"))
    + frame(WINDOW, 0, 0, PLENTY.to_bytes(4, "big"))
)
"""What a client says first: no table of header fields for the answers, and room for all of them."""


def status(block: bytes) -> str:
    """gRPC's code in a block of header fields that refers to none sent before: `8` is RESOURCE_EXHAUSTED."""
    for name in _STATUS:
        _, found, after = block.partition(name)
        if found:
            return after[1 : 1 + after[0]].decode(errors="replace")
    return "?"
