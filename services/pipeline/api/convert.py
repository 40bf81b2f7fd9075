"""What the converters of all nouns need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Protocol, TypeVar
from uuid import UUID

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.type.date_pb2 import Date

from kit import names
from kit.errors import invalid
from kit.rpc.convert import etag, masked_fields

M = TypeVar("M", bound=Message)

Readers = Mapping[str, Callable[[M], Any]]
"""How each field that a caller may set is read."""

# What every resource has and no caller sets.
OUTPUT_ONLY = ("name", "create_time", "update_time", "etag")


class Versioned(Protocol):
    """Anything with an etag."""

    @property
    def etag(self) -> str:
        """The version that the caller saw."""


def changes(resource: M, mask: FieldMask, readers: Readers[M], *, output_only: tuple[str, ...] = ()) -> dict[str, Any]:
    """The new values of the fields that an update touches."""
    touched = masked_fields(resource, mask, mutable=tuple(readers), output_only=(*OUTPUT_ONLY, *output_only))
    return {name: readers[name](resource) for name in touched}


def fields(resource: M, readers: Readers[M]) -> dict[str, Any]:
    """The values of all fields that a caller may set."""
    return {name: read(resource) for name, read in readers.items()}


def version(message: Versioned) -> int | None:
    """The version that the caller saw; None if no check is asked for. An etag that isn't ours is of no version."""
    if not message.etag:
        return None
    try:
        found = int(message.etag.strip('"'), 16)
    except ValueError:
        return -1
    return found if etag(found) == message.etag else -1


def optional_id(collection: str, name: str, *, field: str) -> UUID | None:
    """The id in a name, or None for no name."""
    return names.id_of(collection, name, field=field) if name else None


def optional_name(collection: str, id: UUID | None) -> str:  # noqa: A002 - the field's name
    """The name of an id, or nothing for None."""
    return names.join(collection, id) if id is not None else ""


def day(wire: Date, *, field: str) -> date:
    """Read a date. Raises a Fault on `field` unless it is a whole day of the calendar."""
    try:
        return date(wire.year, wire.month, wire.day)
    except ValueError:
        raise invalid(field, "must be a day of the calendar, with year, month and day") from None


def wire_day(moment: date | None) -> Date | None:
    """Write a date."""
    return None if moment is None else Date(year=moment.year, month=moment.month, day=moment.day)
