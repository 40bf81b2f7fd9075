"""Forget events that can't come again."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from kit.unit import Unit
from kit.worker.subscriptions import Timer

# Longer than any outbox keeps what it has published, and than any retry queue keeps what failed.
_KEPT = timedelta(days=30)
_AT_ONCE = 10_000

_FORGET = text("""
    delete from inbox where (consumer, event_id) in (
        select consumer, event_id from inbox where received_at < cast(:before as timestamptz)
        order by received_at limit :limit
    )
""")


def timer(service: str) -> Timer:
    """The timer that keeps the inbox small."""
    return Timer(f"{service}.forget_old_events", timedelta(minutes=1), _forget)


def _forget(unit: Unit) -> None:
    unit.connection.execute(_FORGET, {"before": unit.now - _KEPT, "limit": _AT_ONCE})
