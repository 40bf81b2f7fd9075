"""Between the wire and the domain: the types that every service's `api/convert.py` needs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money as WireMoney

from kit.errors import invalid
from kit.money import Money
from kit.page import Page, Tokens

R = TypeVar("R")


def money(wire: WireMoney, *, field: str = "amount") -> Money:
    """Read an amount. Raises a Fault on `field` unless it is a whole number of minor units of a currency."""
    return Money.from_wire(wire.units, wire.nanos, wire.currency_code, field=field)


def wire_money(amount: Money) -> WireMoney:
    """Write an amount."""
    units, nanos = amount.to_wire()
    return WireMoney(currency_code=amount.currency, units=units, nanos=nanos)


def instant(wire: Timestamp, *, field: str) -> datetime:
    """Read a timestamp as an aware UTC datetime. Raises a Fault on `field` when it is outside of years 1 to 9999."""
    try:
        return wire.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise invalid(field, "must be between the years 1 and 9999") from None


def wire_instant(moment: datetime) -> Timestamp:
    """Write an instant."""
    wire = Timestamp()
    wire.FromDatetime(moment)
    return wire


def wire_duration(length: timedelta) -> Duration:
    """Write a length of time."""
    wire = Duration()
    wire.FromTimedelta(length)
    return wire


def etag(version: int) -> str:
    """The opaque etag of a resource's version, quoted as HTTP wants it."""
    return f'"{version:x}"'


def expected_version(given: str) -> int | None:
    """The version that an etag stands for: None for no etag, and for a foreign one a version that never is."""
    if not given:
        return None
    digits = given.strip('"')
    version = int(digits, 16) if digits and all(digit in "0123456789abcdef" for digit in digits) else -1
    return version if etag(version) == given else -1


def masked_fields(
    resource: Message, mask: FieldMask, *, mutable: Sequence[str], output_only: Sequence[str] = ()
) -> list[str]:
    """Which fields an update touches (AIP-134): those of the mask; without one, those populated; `*` for all.

    Output-only fields are passed over; unknown ones raise a Fault.
    """
    if not mask.paths:
        return [name for name in mutable if _populated(resource, name)]
    if list(mask.paths) == ["*"]:
        return list(mutable)
    unknown = [path for path in mask.paths if path not in mutable and path not in output_only]
    if unknown:
        raise invalid("update_mask", f"knows no field {unknown[0]!r} that can be updated")
    return [path for path in mask.paths if path in mutable]


def _populated(resource: Message, name: str) -> bool:
    field = resource.DESCRIPTOR.fields_by_name[name]
    if field.has_presence:
        return resource.HasField(name)
    return bool(getattr(resource, name))


def query_hash(request: Message) -> str:
    """What a page token is bound to: the kind of the request, and all of it but its page parameters."""
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("page_size")
    bare.ClearField("page_token")
    kind = request.DESCRIPTOR.full_name.encode()
    return hashlib.sha256(kind + b"\0" + bare.SerializeToString(deterministic=True)).hexdigest()


def page_of(request: Message, tokens: Tokens) -> Page:
    """The page that a List request asks for."""
    return tokens.read(getattr(request, "page_size"), getattr(request, "page_token"), query_hash(request))  # noqa: B009 - any List request


def next_token(
    request: Message, tokens: Tokens, page: Page, *, rows: Sequence[R], position: Callable[[R], tuple[str, ...]]
) -> str:
    """The token of the next page, when `rows` (read with `page.fetch`) shows that there is one."""
    if len(rows) <= page.size:
        return ""
    return tokens.next(position(rows[page.size - 1]), query_hash(request))
