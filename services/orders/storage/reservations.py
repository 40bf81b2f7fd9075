"""Reservations with their items: rows to domain and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, text

from kit.errors import conflict
from services.orders.domain.reservation import Reservation, ReservationState
from services.orders.storage.tables.stock import reservation_items, reservations

_GET = text("""
    select r.id, r.location, r.source, r.state, r.create_time, r.expire_time, r.end_time, r.order_id, r.version,
           (select cast(json_agg(json_build_array(i.product_id, i.units) order by i.product_id) as text)
            from reservation_items i where i.reservation_id = r.id) as items
    from reservations r where r.id = any(cast(:ids as uuid[]))
""")
# Locks are taken in the order of the key; what is read after them is the latest.
_LOCK = text("select id from reservations where id = any(cast(:ids as uuid[])) order by id for update")
_DUE = text("""
    select id from reservations where state = 'HELD' and expire_time <= cast(:now as timestamptz)
    order by expire_time limit :limit for update skip locked
""")
_SAVE = text("""
    update reservations r
    set state = u.state, end_time = u.end_time, order_id = u.order_id, version = u.version
    from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:end_times as timestamptz[]),
                cast(:orders as uuid[]), cast(:versions as bigint[])) as u (id, state, end_time, order_id, version)
    where r.id = u.id and r.version = u.version - 1
""")


class ReservationStore:
    """The reservations of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, reservation: Reservation) -> None:
        """Store a new reservation."""
        self._connection.execute(
            insert(reservations).values(
                id=reservation.id,
                location=reservation.location,
                source=reservation.source,
                state=reservation.state.value,
                create_time=reservation.create_time,
                expire_time=reservation.expire_time,
                version=reservation.version,
            )
        )
        items = [
            {"reservation_id": reservation.id, "product_id": product, "units": units}
            for product, units in reservation.items
        ]
        self._connection.execute(insert(reservation_items), items)

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Reservation]:
        """Those of the reservations that exist."""
        found = map(_reservation, self._connection.execute(_GET, {"ids": list(ids)}))
        return {reservation.id: reservation for reservation in found}

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Reservation]:
        """As `get`; nobody else changes them until the transaction ends."""
        self._connection.execute(_LOCK, {"ids": list(ids)})
        return self.get(ids)

    def due(self, now: datetime, limit: int) -> dict[UUID, Reservation]:
        """Held reservations whose time is over; locked, those that others lock are passed over."""
        rows = self._connection.execute(_DUE, {"now": now, "limit": limit})
        ids = [UUID(str(row[0])) for row in rows]
        return self.get(ids) if ids else {}

    def save(self, ended: Sequence[Reservation]) -> None:
        """Store reservations that ended. Raises a Fault when one has changed since it was read."""
        columns = {
            "ids": [each.id for each in ended],
            "states": [each.state.value for each in ended],
            "end_times": [each.end_time for each in ended],
            "orders": [each.order for each in ended],
            "versions": [each.version for each in ended],
        }
        if self._connection.execute(_SAVE, columns).rowcount != len(ended):
            raise conflict()


def _reservation(row: Row[*tuple[Any, ...]]) -> Reservation:
    return Reservation(
        UUID(str(row.id)),
        row.location,
        tuple((UUID(product), units) for product, units in json.loads(row.items)),
        row.source,
        ReservationState(row.state),
        row.create_time,
        row.expire_time,
        row.end_time,
        UUID(str(row.order_id)) if row.order_id else None,
        row.version,
    )
