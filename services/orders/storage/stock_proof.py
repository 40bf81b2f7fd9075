"""Whether the stock is what its history and its holders say. It reads one snapshot, so that sales may go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from services.orders.domain.stock import Place
from services.orders.domain.stock_proof import StockDifference, StockReport, Units

_HELD = """
    parts as (
        select o.location, l.product_id, l.quantity as units
        from orders o join order_lines l on l.order_id = o.id
        where o.state = 'PENDING_PAYMENT' and not o.imported and not o.backordered and l.product_id is not null
          and l.components = '[]'
        union all
        select o.location, cast(part.value ->> 0 as uuid), l.quantity * cast(part.value ->> 1 as bigint)
        from orders o join order_lines l on l.order_id = o.id
        cross join jsonb_array_elements(l.components) as part (value)
        where o.state = 'PENDING_PAYMENT' and not o.imported and not o.backordered
    ), held as (
        select product_id, location, sum(units) as units from (
            select product_id, case location when '' then 'main' else location end as location, units from parts
            union all
            select product_id, location, -units from backorders where not paid
            union all
            select i.product_id, r.location, i.units
            from reservations r join reservation_items i on i.reservation_id = r.id where r.state = 'HELD'
            union all
            select s.product_id, s.location, b.free
            from flash_sale_buckets b join flash_sales s on s.id = b.sale_id
        ) holders group by product_id, location
    )
"""
# Held are: orders that wait for their payment (bundles taken apart), without what is still to arrive for them;
# reservations; and what flash sales keep for their buyers.
_COMPARE = text(f"""
    with moved as (
        select product_id, location, sum(on_hand) as on_hand, sum(reserved) as reserved,
               sum(backordered) as backordered
        from stock_movements group by product_id, location
    ), {_HELD}, owed as (
        select product_id, location, sum(units) as units from backorders group by product_id, location
    )
    select product_id, location, coalesce(s.on_hand, 0), coalesce(s.reserved, 0), coalesce(s.backordered, 0),
           coalesce(moved.on_hand, 0), coalesce(moved.reserved, 0), coalesce(moved.backordered, 0),
           coalesce(held.units, 0), coalesce(owed.units, 0)
    from stocks s
    full join moved using (product_id, location)
    full join held using (product_id, location)
    full join owed using (product_id, location)
    where coalesce(s.on_hand, 0) <> coalesce(moved.on_hand, 0)
       or coalesce(s.reserved, 0) <> coalesce(moved.reserved, 0)
       or coalesce(s.backordered, 0) <> coalesce(moved.backordered, 0)
       or coalesce(s.reserved, 0) <> coalesce(held.units, 0)
       or coalesce(s.backordered, 0) <> coalesce(owed.units, 0)
    order by product_id, location
    limit :limit
""")  # noqa: S608 - constants only

# By who holds the units, not by what is kept as reserved: the two could only both be wrong.
_OVERSOLD = text(f"""
    with {_HELD}
    select cast(coalesce(sum(greatest(0, held.units - coalesce(s.on_hand, 0))), 0) as bigint),
           cast((select coalesce(sum(units), 0) from backorders) as bigint)
    from held left join stocks s using (product_id, location)
""")  # noqa: S608 - constants only

_SIZES = text("""
    select (select count(*) from stocks), (select count(*) from stock_movements),
           (select count(*) from orders where state = 'PENDING_PAYMENT'),
           (select count(*) from reservations where state = 'HELD')
""")


class StockProofStore:
    """Compares the stock of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def promised(self) -> tuple[int, int]:
        """Units that somebody holds and that are not on hand; and units that are promised before they arrive."""
        oversold, awaited = self._connection.execute(_OVERSOLD).one()
        return oversold, awaited

    def compare(self, limit: int) -> StockReport:
        """Compare the stock of every place with its movements and its holders; at most `limit` differences are told."""
        places, movements, orders, reservations = self._connection.execute(_SIZES).one()
        rows = self._connection.execute(_COMPARE, {"limit": limit})
        return StockReport(places, movements, orders, reservations, tuple(_difference(row) for row in rows))


def _difference(row: Sequence[Any]) -> StockDifference:
    product, location, *units = row
    on_hand, reserved, backordered, moved, moved_reserved, moved_backordered, held, owed = map(int, units)
    return StockDifference(
        Place(UUID(str(product)), location),
        on_hand=Units(on_hand, moved),
        reserved=Units(reserved, moved_reserved),
        backordered=Units(backordered, moved_backordered),
        held=Units(reserved, held),
        owed=Units(backordered, owed),
    )
