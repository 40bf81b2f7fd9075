"""What the nouns of orders share on their way to the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from kit import names
from kit.rpc.convert import etag, wire_instant

_NO_VERSION = -1


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
