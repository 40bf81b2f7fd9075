"""Proto JSON written by hand: what events are made of. Building a message first would take several times as long, and
imports publish thousands a second. Each service has a test that holds its events against their messages.
"""

from __future__ import annotations

from datetime import UTC, datetime

from kit.money import Money


def instant(moment: datetime | None) -> str:
    """An aware instant as `google.protobuf.Timestamp` reads it; nothing for None."""
    if moment is None:
        return ""
    text = (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()
    return f"{text[:-6]}Z"  # for +00:00


def money(amount: Money) -> dict[str, object]:
    """An amount as `google.type.Money` reads it."""
    units, nanos = amount.to_wire()
    body: dict[str, object] = {"currencyCode": amount.currency}
    if units:
        body["units"] = str(units)
    if nanos:
        body["nanos"] = nanos
    return body
