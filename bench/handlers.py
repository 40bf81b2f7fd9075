"""What the worker does that the case `consumers` measures: one queue whose handler does nothing, one with two
statements per batch."""

from __future__ import annotations

from collections.abc import Sequence

from kehu.orders.v1.events_pb2 import OrderCancelled, OrderPaid
from sqlalchemy import text

from kit.unit import Unit
from kit.worker import Received, Subscriptions

subscriptions = Subscriptions("bench")

_BALANCE = text("""
    update accounts a set balance = a.balance + e.points
    from (select member, sum(points) points
          from unnest(cast(:members as text[]), cast(:points as bigint[])) e (member, points) group by member) e
    where a.id = e.member
""")
_ENTRIES = text("""
    insert into entries (member, points, event_id)
    select * from unnest(cast(:members as text[]), cast(:points as bigint[]), cast(:ids as uuid[]))
""")


@subscriptions.on("orders", OrderCancelled, queue="bench.nothing")
def nothing(unit: Unit, events: Sequence[Received]) -> None:
    """Only the inbox."""


@subscriptions.on("orders", OrderPaid, queue="bench.points")
def points(unit: Unit, events: Sequence[Received]) -> None:
    """The inbox, a balance and an entry per event."""
    values = {
        "members": [event.message.member for event in events],
        "points": [event.message.net_total.units for event in events],
    }
    unit.connection.execute(_BALANCE, values)
    unit.connection.execute(_ENTRIES, {**values, "ids": [event.id for event in events]})
