"""A delivery as it comes from the broker, and the event that it turns out to be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from google.protobuf import json_format
from google.protobuf.message import Message

from kit.broker import headers
from kit.telemetry import sampled
from kit.worker.decoding import decode

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class Received:
    """An event.

    `type` is its short name, `subject` the resource that it is about, `version` that resource's version after it,
    `time` when it happened, `message` the parsed message (one of the types subscribed to).
    """

    id: UUID
    type: str
    subject: str
    version: int
    time: datetime
    message: Any
    traceparent: str = field(default="", repr=False)

    @property
    def trace(self) -> str:
        """The id of the trace that it belongs to, or nothing."""
        return self.traceparent[3:35]

    @property
    def sampled(self) -> bool:
        """Whether the event belongs to a trace that is recorded."""
        return sampled(self.traceparent)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the broker delivered, unread."""

    tag: int
    body: bytes
    content_type: str
    headers: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The event's id as the publisher wrote it; for logs."""
        return str(self.headers.get(headers.CE_ID, ""))

    @property
    def type(self) -> str:
        """The event's short name as the publisher wrote it; for logs and metrics."""
        return str(self.headers.get(headers.CE_TYPE, "")).rpartition(".")[2]

    @property
    def trace(self) -> str:
        """The id of the trace as the publisher wrote it; for logs."""
        return _traceparent(self.headers)[3:35]

    @property
    def attempts(self) -> int:
        """How often it was tried alone, and failed."""
        attempts = self.headers.get(headers.ATTEMPT, 0)
        return attempts if isinstance(attempts, int) else 0


class Unreadable(Exception):
    """The delivery is no event that this queue understands, and never will be; `args[0]` is the reason."""


def read(delivery: Delivery, types: Mapping[str, type[Message]]) -> Received:
    """The event in a delivery. Fields that the message doesn't know are passed over: events grow. Raises Unreadable."""
    if delivery.content_type.partition(";")[0] != headers.CONTENT_TYPE:
        raise Unreadable("CONTENT_TYPE_WRONG")
    kind = types.get(str(delivery.headers.get(headers.CE_TYPE, "")))
    if kind is None:
        raise Unreadable("EVENT_TYPE_UNKNOWN")
    try:
        message = decode(delivery.body, kind)
    except (json_format.ParseError, ValueError, RecursionError):
        raise Unreadable("BODY_UNREADABLE") from None
    try:
        return _received(delivery, message)
    except (KeyError, ValueError, TypeError):
        raise Unreadable("HEADERS_UNREADABLE") from None


def _received(delivery: Delivery, message: Message) -> Received:
    found = delivery.headers
    time = datetime.fromisoformat(found[headers.CE_TIME])
    if time.tzinfo is None:
        raise ValueError(headers.CE_TIME)
    return Received(
        id=UUID(found[headers.CE_ID]),
        type=delivery.type,
        subject=str(found[headers.CE_SUBJECT]),
        version=int(found[headers.CE_SUBJECTVERSION]),
        time=time,
        message=message,
        traceparent=_traceparent(found),
    )


def _traceparent(found: Mapping[str, Any]) -> str:
    """The header, if it is one."""
    traceparent = found.get(headers.TRACEPARENT)
    return traceparent if isinstance(traceparent, str) and _TRACEPARENT.fullmatch(traceparent) else ""
