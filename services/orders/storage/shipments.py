"""Shipments with their lines and parcels: rows to domain and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, literal_column, select, text, tuple_

from kit.errors import conflict
from kit.page import Page
from services.orders.domain.shipment import Parcel, Progress, Shipment, ShipmentState
from services.orders.domain.shipping import MethodKind
from services.orders.storage import parts
from services.orders.storage.tables.desk import shipments

_LINES = """
    (select cast(json_agg(json_build_array(l.position, l.quantity) order by l.position) as text)
     from shipment_lines l where l.shipment_id = shipments.id)"""
_PARCELS = """
    (select cast(json_agg(json_build_array(p.carrier, p.waybill) order by p.position) as text)
     from parcels p where p.shipment_id = shipments.id)"""
_WHOLE = (*shipments.c, literal_column(_LINES).label("lines"), literal_column(_PARCELS).label("parcels"))

_ADD = text("""
    insert into shipments (id, order_id, kind, state, location, create_time, code_round, code_failures, version)
    values (:id, :order, :kind, :state, :location, :create_time, 0, 0, :version)
""")
_ADD_LINES = text("""
    insert into shipment_lines (shipment_id, position, order_id, quantity)
    select :id, l.position, :order, l.quantity
    from unnest(cast(:positions as int[]), cast(:quantities as bigint[])) as l (position, quantity)
""")
_ADD_PARCELS = text("""
    insert into parcels (shipment_id, position, carrier, waybill)
    select :id, p.position, p.carrier, p.waybill
    from unnest(cast(:positions as int[]), cast(:carriers as text[]), cast(:waybills as text[]))
        as p (position, carrier, waybill)
""")

# Also without the lock of the order, a unit is booked once: the row must say what it said when it was looked at.
_BOOK = text("""
    update order_lines l set shipped_quantity = l.shipped_quantity + b.units
    from unnest(cast(:positions as int[]), cast(:units as bigint[]), cast(:before as bigint[]))
        as b (position, units, before)
    where l.order_id = :order and l.position = b.position and l.shipped_quantity = b.before
""")

_SAVE = text("""
    update shipments
    set state = :state, ship_time = :ship_time, end_time = :end_time, code_round = :code_round,
        code_failures = :code_failures, code_time = :code_time, version = :version
    where id = :id and version = :version_before
""")

_PROGRESS = text("""
    select l.position, l.quantity, l.refunded_quantity, l.shipped_quantity,
           coalesce(s.delivered, 0) as delivered, coalesce(s.undelivered, 0) as undelivered,
           coalesce(r.returned, 0) as returned
    from order_lines l
    left join (
        select sl.position, sum(sl.quantity) filter (where s.state = 'DELIVERED') as delivered,
               sum(sl.quantity) filter (where s.state = 'RETURNED') as undelivered
        from shipments s join shipment_lines sl on sl.shipment_id = s.id
        where s.order_id = :order group by sl.position
    ) s on s.position = l.position
    left join (
        select cast(line.value ->> 0 as int) as position, sum(cast(line.value ->> 1 as bigint)) as returned
        from refunds f cross join lateral jsonb_array_elements(f.lines) as line
        where f.order_id = :order and f.kind in ('RETURN', 'EXCHANGE') and f.effect_time is not null
        group by 1
    ) r on r.position = l.position
    where l.order_id = :order order by l.position
""")


class ShipmentStore:
    """The shipments of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, shipment: Shipment) -> None:
        """Store a new shipment."""
        columns = {
            "id": shipment.id,
            "order": shipment.order,
            "kind": shipment.kind.value,
            "state": shipment.state.value,
            "location": shipment.location,
            "create_time": shipment.create_time,
            "version": shipment.version,
        }
        self._connection.execute(_ADD, columns)
        lines = {
            "id": shipment.id,
            "order": shipment.order,
            "positions": [position for position, _ in shipment.lines],
            "quantities": [quantity for _, quantity in shipment.lines],
        }
        self._connection.execute(_ADD_LINES, lines)
        self._add_parcels(shipment, 0)

    def get(self, shipment_id: UUID) -> Shipment | None:
        """A shipment."""
        row = self._connection.execute(select(*_WHOLE).where(shipments.c.id == shipment_id)).one_or_none()
        return _shipment(row) if row else None

    def of_order(self, order_id: UUID) -> list[Shipment]:
        """The shipments of an order, the oldest first."""
        query = select(*_WHOLE).where(shipments.c.order_id == order_id)
        rows = self._connection.execute(query.order_by(shipments.c.create_time, shipments.c.id))
        return [_shipment(row) for row in rows]

    def save(self, before: Shipment, after: Shipment) -> None:
        """Store a shipment over its version `before`, with new parcels. Raises a Fault otherwise."""
        columns = {
            "id": after.id,
            "state": after.state.value,
            "ship_time": after.ship_time,
            "end_time": after.end_time,
            "code_round": after.code_round,
            "code_failures": after.code_failures,
            "code_time": after.code_time,
            "version": after.version,
            "version_before": before.version,
        }
        if self._connection.execute(_SAVE, columns).rowcount != 1:
            raise conflict()
        self._add_parcels(after, len(before.parcels))

    def progress(self, order_id: UUID) -> list[Progress]:
        """How far the lines of an order are."""
        rows = self._connection.execute(_PROGRESS, {"order": order_id})
        return [Progress(*(int(value) for value in row)) for row in rows]

    def book(self, order_id: UUID, units: Sequence[tuple[Progress, int]]) -> None:
        """So many units more (or less, below 0) of lines are in shipments. Raises a Fault when another booking was
        faster."""
        columns = {
            "order": order_id,
            "positions": [line.position for line, _ in units],
            "units": [quantity for _, quantity in units],
            "before": [line.out for line, _ in units],
        }
        if self._connection.execute(_BOOK, columns).rowcount != len(units):
            raise conflict()

    def page(self, order_id: UUID | None, state: ShipmentState | None, page: Page, *, org: str = "") -> list[Shipment]:
        """The shipments of a page and one more if there are more, the latest first; of a part of the organisation, if
        given."""
        statement = select(*_WHOLE).order_by(shipments.c.create_time.desc(), shipments.c.id.desc()).limit(page.fetch)
        if order_id is not None:
            statement = statement.where(shipments.c.order_id == order_id)
        if state is not None:
            statement = statement.where(shipments.c.state == state.value)
        if org:
            self._connection.execute(parts.PLAN_ANEW)
            statement = statement.where(parts.of_order("shipments", org))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(shipments.c.create_time, shipments.c.id) < at)
        return [_shipment(row) for row in self._connection.execute(statement)]

    def _add_parcels(self, shipment: Shipment, known: int) -> None:
        added = shipment.parcels[known:]
        if added:
            columns = {
                "id": shipment.id,
                "positions": list(range(known + 1, len(shipment.parcels) + 1)),
                "carriers": [parcel.carrier for parcel in added],
                "waybills": [parcel.waybill for parcel in added],
            }
            self._connection.execute(_ADD_PARCELS, columns)


def _shipment(row: Row[*tuple[Any, ...]]) -> Shipment:
    return Shipment(
        id=row.id,
        order=row.order_id,
        kind=MethodKind(row.kind),
        state=ShipmentState(row.state),
        location=row.location,
        lines=tuple((position, quantity) for position, quantity in json.loads(row.lines)),
        parcels=tuple(Parcel(*parcel) for parcel in json.loads(row.parcels)) if row.parcels else (),
        create_time=row.create_time,
        ship_time=row.ship_time,
        end_time=row.end_time,
        code_round=row.code_round,
        code_failures=row.code_failures,
        code_time=row.code_time,
        version=row.version,
    )
