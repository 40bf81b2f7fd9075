"""What the nouns of orders share on their way to the wire."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from kehu.orders.v1 import errors_pb2

from kit import names
from kit.errors import Fault, invalid
from kit.rpc.convert import etag, instant, wire_instant
from services.orders.domain.product import Window

_NO_VERSION = -1
_IS_CODE = re.compile(r"[^\W_][\w.-]{0,62}").fullmatch


def version_of(given: str) -> int | None:
    """The version that an etag asks for; None for an empty one, and one that never matches for nonsense."""
    if not given:
        return None
    digits = given.strip('"')
    try:
        version = int(digits, 16)
    except ValueError:
        return _NO_VERSION
    return version if etag(version) == given else _NO_VERSION


def optional_id(collection: str, name: str, *, field: str) -> UUID | None:
    """The id in a name that may be empty."""
    return names.id_of(collection, name, field=field) if name else None


def optional_name(collection: str, resource: UUID | None) -> str:
    """The name of a resource that may be missing."""
    return names.join(collection, resource) if resource else ""


def optional_instant(moment: datetime | None) -> Timestamp | None:
    """An instant that may be missing."""
    return wire_instant(moment) if moment else None


def code_of(collection: str, name: str, *, field: str = "name") -> str:
    """The code in a name such as `channels/web`; empty for an empty name. Raises a Fault on `field` for other names."""
    if not name:
        return ""
    head, _, code = name.partition("/")
    if head != collection or not _IS_CODE(code):
        raise invalid(field, f"must be a name of the form {collection}/{{code}}")
    return code


class Timed(Protocol):
    """What holds from one instant to another, if they are there."""

    @property
    def start_time(self) -> Timestamp:
        """Since when."""

    @property
    def end_time(self) -> Timestamp:
        """Until when."""

    def HasField(self, field_name: Any) -> bool:
        """Whether a field is there."""


def window(given: Timed) -> Window:
    """Read from when to when. Raises a Fault unless it ends after it begins."""
    start = instant(given.start_time, field="start_time") if given.HasField("start_time") else None
    end = instant(given.end_time, field="end_time") if given.HasField("end_time") else None
    if start is not None and end is not None and end <= start:
        raise invalid("end_time", "must be after start_time")
    return Window(start, end)


class Dated(Protocol):
    """What is listed by when it was created."""

    @property
    def id(self) -> UUID:
        """Its id."""

    @property
    def create_time(self) -> datetime:
        """When it was created."""


def position(row: Dated) -> tuple[str, str]:
    """Where it stands in its pages."""
    return row.create_time.isoformat(), str(row.id)


def reason_of(fault: Fault) -> errors_pb2.ErrorReason.ValueType:
    """The reason of a fault that is told within an answer, of one row for example; ROW_INVALID where it has none of
    ours."""
    name = f"ERROR_REASON_{fault.reason}"
    known = errors_pb2.ErrorReason.DESCRIPTOR.values_by_name
    return errors_pb2.ErrorReason.Value(name) if name in known else errors_pb2.ERROR_REASON_ROW_INVALID
