"""The worker that the case `consumers` measures: one queue whose handler does nothing, one with two
statements per batch."""

from __future__ import annotations

from kit.worker.green import patch

patch()

from collections.abc import Sequence  # noqa: E402
from typing import NoReturn  # noqa: E402

from kehu.orders.v1.events_pb2 import OrderCancelled, OrderPaid  # noqa: E402
from sqlalchemy import text  # noqa: E402

from kit.db import Database  # noqa: E402
from kit.settings import Settings, load  # noqa: E402
from kit.unit import Unit  # noqa: E402
from kit.worker import Received, Subscriptions, run  # noqa: E402

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


def main() -> None:
    """Consume until SIGTERM."""
    config = load(Settings)
    url = config.database_url.get_secret_value()
    run(subscriptions, Database(url, lambda connection, now: Unit(connection, now, _never)), config)


def _never(fact: object) -> NoReturn:
    raise TypeError(f"{type(fact).__name__} is not published")


if __name__ == "__main__":
    main()
