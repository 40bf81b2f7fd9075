"""Orders of which nothing is left, as rows: their coupons were given back, and they use none any more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

_ADD = text("""
    insert into returned_orders (order_id, return_time)
    select order_id, cast(:now as timestamptz) from unnest(cast(:ids as uuid[])) as order_id
    on conflict do nothing returning order_id
""")

_AMONG = text("select order_id from returned_orders where order_id = any(cast(:ids as uuid[]))")


class ReturnedOrders:
    """The stored orders that gave their coupons back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, orders: Collection[UUID], now: datetime) -> set[UUID]:
        """Keep that orders gave their coupons back; answers those of which that is news."""
        return set(self._connection.execute(_ADD, {"ids": sorted(orders), "now": now}).scalars()) if orders else set()

    def among(self, orders: Collection[UUID]) -> set[UUID]:
        """Which of the orders gave their coupons back."""
        return set(self._connection.execute(_AMONG, {"ids": list(orders)}).scalars()) if orders else set()
