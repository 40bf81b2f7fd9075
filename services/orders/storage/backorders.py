"""Units that orders were promised before they arrived. All of it happens under the lock of their stock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select, text

from kit.page import Page
from services.orders.domain.backorder import Backorder
from services.orders.domain.stock import Place
from services.orders.storage import parts
from services.orders.storage.tables.stock import backorders

_ADD = text("""
    insert into backorders (order_id, product_id, location, units, paid, create_time)
    select b.order_id, b.product_id, b.location, b.units, b.paid, cast(:now as timestamptz)
    from unnest(cast(:orders as uuid[]), cast(:products as uuid[]), cast(:locations as text[]),
                cast(:units as bigint[]), cast(:paid as boolean[])) as b (order_id, product_id, location, units, paid)
""")

_OF = text("select * from backorders where order_id = any(cast(:orders as uuid[])) order by id")
_PAID = text("update backorders set paid = true where order_id = any(cast(:orders as uuid[]))")
_DROP = text("delete from backorders where order_id = any(cast(:orders as uuid[]))")

# The oldest promises of each place, as far as its units go.
_OLDEST = text("""
    select b.id, b.order_id, b.product_id, b.location, b.units, b.paid, b.create_time
    from (
        select b.*, sum(b.units) over (partition by b.product_id, b.location order by b.id) - b.units as before,
               p.units as there
        from unnest(cast(:products as uuid[]), cast(:locations as text[]), cast(:units as bigint[]))
            as p (product_id, location, units)
        join backorders b on b.product_id = p.product_id and b.location = p.location
    ) b
    where b.before < b.there
    order by b.id
""")

# Rows that owe nothing more go; a CHECK would refuse them.
_LESSEN = text("""
    with less as (
        select * from unnest(cast(:ids as bigint[]), cast(:units as bigint[])) as l (id, units)
    ), gone as (
        delete from backorders b using less l where b.id = l.id and b.units = l.units
    )
    update backorders b set units = b.units - l.units from less l where b.id = l.id and b.units > l.units
""")


class BackorderStore:
    """The promises of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, promised: Sequence[Backorder], now: datetime) -> None:
        """Store new promises."""
        columns = {
            "orders": [each.order for each in promised],
            "products": [each.place.product for each in promised],
            "locations": [each.place.location for each in promised],
            "units": [each.units for each in promised],
            "paid": [each.paid for each in promised],
            "now": now,
        }
        self._connection.execute(_ADD, columns)

    def of(self, orders: Iterable[UUID]) -> list[Backorder]:
        """What orders still wait for, the oldest promise first."""
        return [_backorder(row) for row in self._connection.execute(_OF, {"orders": list(orders)})]

    def mark_paid(self, orders: Iterable[UUID]) -> None:
        """The orders are paid: what arrives for them leaves at once."""
        self._connection.execute(_PAID, {"orders": list(orders)})

    def drop(self, orders: Iterable[UUID]) -> None:
        """Take back what was promised to orders."""
        self._connection.execute(_DROP, {"orders": list(orders)})

    def oldest(self, there: Mapping[Place, int]) -> list[Backorder]:
        """The promises that so many units at each place reach, the oldest first; the last may get a part alone."""
        columns = {
            "products": [place.product for place in there],
            "locations": [place.location for place in there],
            "units": list(there.values()),
        }
        return [_backorder(row) for row in self._connection.execute(_OLDEST, columns)]

    def lessen(self, units: Mapping[int, int]) -> None:
        """So many units of each promise are awaited no more: they have arrived, or were given back."""
        self._connection.execute(_LESSEN, {"ids": list(units), "units": list(units.values())})

    def page(self, product: UUID | None, page: Page, *, org: str = "") -> list[Backorder]:
        """The promises of a page and one more if there are more, the oldest first; of a part of the organisation, if
        given."""
        statement = select(backorders).order_by(backorders.c.id).limit(page.fetch)
        if product is not None:
            statement = statement.where(backorders.c.product_id == product)
        if org:
            statement = statement.where(parts.at("backorders", org))
        if page.after is not None:
            statement = statement.where(backorders.c.id > int(page.after[0]))
        return [_backorder(row) for row in self._connection.execute(statement)]


def _backorder(row: Row[*tuple[Any, ...]]) -> Backorder:
    place = Place(UUID(str(row.product_id)), row.location)
    return Backorder(row.id, UUID(str(row.order_id)), place, row.units, paid=row.paid, create_time=row.create_time)
