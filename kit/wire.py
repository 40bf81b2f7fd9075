"""Proto JSON written by hand: what events are made of. Building a message first would take several times as long, and
imports publish thousands a second. Each service has a test that holds its events against their messages.
"""

from __future__ import annotations

from datetime import UTC, datetime

from kit.money import Money


def instant(moment: datetime | None) -> str:
    """An aware instant as `google.protobuf.Timestamp` reads it; nothing for None."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z" if moment else ""


def money(amount: Money) -> dict[str, object]:
    """An amount as `google.type.Money` reads it."""
    units, nanos = amount.to_wire()
    body: dict[str, object] = {"currencyCode": amount.currency, "units": str(units), "nanos": nanos}
    return {key: value for key, value in body.items() if value not in ("0", 0)}
