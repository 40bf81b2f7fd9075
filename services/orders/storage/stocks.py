"""Stock: rows to domain and back. Only `apply` changes it, and it writes the movements with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, text

from services.orders.domain.stock import Movement, Place, Stock
from services.orders.storage.tables.core import stocks

_GET = text("""
    select product_id, location, on_hand, reserved, version, update_time
    from stocks where product_id = :product and location = :location
""")

# Locks are taken in the order of the key, so that two transactions can't lock each other out.
_LOCK = text("""
    select s.product_id, s.location, s.on_hand, s.reserved, s.version, s.update_time
    from stocks s
    join unnest(cast(:products as uuid[]), cast(:locations as text[])) as p (product_id, location)
      on s.product_id = p.product_id and s.location = p.location
    order by s.product_id, s.location
    for update of s
""")

# The stock follows from the very rows that are added to its history.
_APPLY = text("""
    with moved as (
        insert into stock_movements (product_id, location, kind, on_hand, reserved, order_id, note, move_time)
        select m.product_id, m.location, m.kind, m.on_hand, m.reserved, m.order_id, m.note, cast(:now as timestamptz)
        from unnest(cast(:products as uuid[]), cast(:locations as text[]), cast(:kinds as text[]),
                    cast(:on_hand as bigint[]), cast(:reserved as bigint[]), cast(:orders as uuid[]),
                    cast(:notes as text[])) as m (product_id, location, kind, on_hand, reserved, order_id, note)
        returning product_id, location, on_hand, reserved
    ), delta as (
        select product_id, location, cast(sum(on_hand) as bigint) as on_hand, cast(sum(reserved) as bigint) as reserved
        from moved group by product_id, location
    ), locked as (
        select s.product_id, s.location, d.on_hand, d.reserved
        from stocks s join delta d on s.product_id = d.product_id and s.location = d.location
        order by s.product_id, s.location
        for update of s
    )
    update stocks s
    set on_hand = s.on_hand + l.on_hand, reserved = s.reserved + l.reserved, version = s.version + 1,
        update_time = cast(:now as timestamptz)
    from locked l where s.product_id = l.product_id and s.location = l.location
    returning s.product_id, s.location, s.on_hand, s.reserved, s.version, s.update_time
""")


class StockStore:
    """The stock of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, place: Place, now: datetime) -> None:
        """Begin to keep stock at a place, with nothing there."""
        self._connection.execute(
            insert(stocks).values(
                product_id=place.product, location=place.location, on_hand=0, reserved=0, version=1, update_time=now
            )
        )

    def get(self, place: Place) -> Stock | None:
        """The stock at a place."""
        row = self._connection.execute(_GET, {"product": place.product, "location": place.location}).one_or_none()
        return _stock(row) if row else None

    def lock(self, places: Iterable[Place]) -> list[Stock]:
        """The stock at those of the places that exist, which nobody else changes until the transaction ends."""
        ordered = sorted(places)
        columns = {
            "products": [place.product for place in ordered],
            "locations": [place.location for place in ordered],
        }
        return [_stock(row) for row in self._connection.execute(_LOCK, columns)]

    def apply(self, movements: Sequence[Movement], now: datetime) -> list[Stock]:
        """Store movements and the stock that follows from them; answers the stock of their places."""
        if not movements:
            return []
        columns = {
            "products": [movement.place.product for movement in movements],
            "locations": [movement.place.location for movement in movements],
            "kinds": [movement.kind.value for movement in movements],
            "on_hand": [movement.on_hand for movement in movements],
            "reserved": [movement.reserved for movement in movements],
            "orders": [movement.order for movement in movements],
            "notes": [movement.note for movement in movements],
            "now": now,
        }
        return [_stock(row) for row in self._connection.execute(_APPLY, columns)]


def _stock(row: Row[*tuple[Any, ...]]) -> Stock:
    product, location, on_hand, reserved, version, update_time = row
    return Stock(Place(UUID(str(product)), location), on_hand, reserved, version, update_time)
