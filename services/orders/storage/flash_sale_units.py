"""The units of flash sales: claimed by members, taken from buckets, paid, free again. All of it by conditional
statements, always many at once.

Locks are taken in one order: units, then buckets by (sale, number), then stock. A unit is claimed before a bucket is
asked for it, so that repeated clicks of a member never cost the quota anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.errors import conflict
from services.orders.domain.flash_sale import Bucket, Claim, Freed, Seat, There
from services.orders.domain.stock import Movement, Place
from services.orders.storage.families import root

# The n-th units that the member doesn't have yet; `skip` passes over those of earlier requests of the same call. They
# are sorted, so that two transactions can't lock each other out; whoever waited for another's claim of the same unit
# gets nothing.
_CLAIM = text("""
    insert into flash_sale_units (sale_id, member_id, n, order_id, paid)
    select a.sale_id, a.member_id, f.n, a.order_id, false
    from unnest(cast(:sales as uuid[]), cast(:members as uuid[]), cast(:orders as uuid[]), cast(:units as int[]),
                cast(:skips as int[]), cast(:limits as int[])) as a (sale_id, member_id, order_id, units, skip, most)
    cross join lateral (
        select n from generate_series(1, a.most) as n
        where not exists (select from flash_sale_units u
                          where u.sale_id = a.sale_id and u.member_id = a.member_id and u.n = n.n)
        order by n offset a.skip limit a.units
    ) f
    order by a.sale_id, a.member_id, f.n
    on conflict do nothing
    returning order_id, n
""")

_UNCLAIM = text("delete from flash_sale_units where order_id = any(cast(:orders as uuid[])) and bucket is null")

_BOUGHT = text("""
    select sale_id, member_id, count(*), cast(min(cast(order_id as text)) as uuid)
    from flash_sale_units
    where (sale_id, member_id) in (select * from unnest(cast(:sales as uuid[]), cast(:members as uuid[])))
    group by sale_id, member_id
""")

# Asked only for sales that are for some tiers.
_TIERS = text(f"""
    select a.id, b.tier from unnest(cast(:members as uuid[])) as a (id)
    join buyer_tiers b on b.member_id = {root("a.id")}
""")  # noqa: S608 - constants

_LOCK_SOME = text("""
    select b.sale_id, b.number, b.quota, b.free, b.held, b.sold, b.returned
    from flash_sale_buckets b
    join unnest(cast(:sales as uuid[]), cast(:numbers as int[])) as w (sale_id, number)
      on b.sale_id = w.sale_id and b.number = w.number
    where b.free > 0 and b.open
    order by b.sale_id, b.number for update of b
""")

_LOCK_ALL = text("""
    select b.sale_id, b.number, b.quota, b.free, b.held, b.sold, b.returned
    from flash_sale_buckets b where b.sale_id = any(cast(:sales as uuid[]))
    order by b.sale_id, b.number for update
""")

# The decrement, on rows that are locked: each unit that was claimed learns its bucket, the others are given up.
_TAKE = text("""
    with seated as (
        update flash_sale_units u set bucket = t.number
        from unnest(cast(:orders as uuid[]), cast(:ns as int[]), cast(:numbers as int[])) as t (order_id, n, number)
        where u.order_id = t.order_id and u.n = t.n
        returning u.sale_id, u.bucket
    ), given_up as (
        delete from flash_sale_units where order_id = any(cast(:refused as uuid[])) and bucket is null
    ), taken as (
        select sale_id, bucket, count(*) as units from seated group by sale_id, bucket
    )
    update flash_sale_buckets b set free = b.free - t.units, held = b.held + t.units
    from taken t where b.sale_id = t.sale_id and b.number = t.bucket and b.free >= t.units
    returning t.units
""")

_PAY = text("""
    with paid as (
        update flash_sale_units set paid = true where order_id = any(cast(:orders as uuid[])) and not paid
        returning sale_id, bucket
    ), moved as (
        select sale_id, bucket, count(*) as units from paid group by sale_id, bucket
    ), locked as (
        select b.sale_id, b.number, m.units
        from flash_sale_buckets b join moved m on b.sale_id = m.sale_id and b.number = m.bucket
        order by b.sale_id, b.number for update of b
    )
    update flash_sale_buckets b set held = b.held - l.units, sold = b.sold + l.units
    from locked l where b.sale_id = l.sale_id and b.number = l.number
""")

# Whether units are free again or go back to stock is told by the locked bucket itself: its sale may end meanwhile.
_FREE_UNITS = """
    with gone as (
        delete from flash_sale_units u {using}
        returning u.sale_id, u.bucket, {unsent} as unsent
    ), moved as (
        select sale_id, bucket, count(*) as units, count(*) filter (where unsent) as unsent
        from gone group by sale_id, bucket
    ), locked as (
        select b.sale_id, b.number, m.units, m.unsent
        from flash_sale_buckets b join moved m on b.sale_id = m.sale_id and b.number = m.bucket
        order by b.sale_id, b.number for update of b
    )
    update flash_sale_buckets b
    set {column} = b.{column} - l.units,
        free = b.free + case when b.open then l.units else 0 end,
        returned = b.returned + case when b.open then 0 else l.units end
    from locked l, flash_sales s
    where b.sale_id = l.sale_id and b.number = l.number and s.id = b.sale_id
    returning b.sale_id, s.product_id, s.location, l.units, b.open, l.unsent
"""
_RELEASE = text(
    _FREE_UNITS.format(
        column="held", unsent="false", using="where u.order_id = any(cast(:orders as uuid[])) and not u.paid"
    )
)
_RESELL = text(
    _FREE_UNITS.format(
        column="sold",
        unsent="w.place <= w.unsent",
        using="""using (
            select u.sale_id, u.member_id, u.n, row_number() over (partition by u.order_id order by u.n desc) as place,
                   t.unsent, t.back
            from unnest(cast(:orders as uuid[]), cast(:unsent as bigint[]), cast(:back as bigint[]))
                as t (order_id, unsent, back)
            join flash_sale_units u on u.order_id = t.order_id and u.paid
            join flash_sales s on s.id = u.sale_id and s.refund_policy = 'RESELL' and s.ending is null
        ) w
        where w.place <= w.unsent + w.back and u.sale_id = w.sale_id and u.member_id = w.member_id and u.n = w.n""",
    )
)

# As `Progress` counts them, for orders of one line. What a refund had put back in stock tells the refund as its source.
_UNSENT = text("""
    select l.order_id,
           l.quantity - l.shipped_quantity - r.units + least(s.delivered, greatest(0, r.units - s.undelivered))
           - m.restocked
    from order_lines l
    cross join lateral (
        select coalesce(sum(sl.quantity) filter (where s.state = 'DELIVERED'), 0) as delivered,
               coalesce(sum(sl.quantity) filter (where s.state = 'RETURNED'), 0) as undelivered
        from shipments s join shipment_lines sl on sl.shipment_id = s.id where s.order_id = l.order_id
    ) s
    cross join lateral (
        select coalesce(sum(cast(line.value ->> 1 as bigint)), 0) as units
        from refunds f cross join lateral jsonb_array_elements(f.lines) as line
        where f.order_id = l.order_id and f.kind in ('RETURN', 'EXCHANGE') and f.effect_time is not null
    ) r
    cross join lateral (
        select coalesce(sum(m.on_hand), 0) as restocked from stock_movements m
        where m.order_id = l.order_id and m.kind = 'RETURNED' and m.source <> ''
    ) m
    where l.order_id = any(cast(:orders as uuid[]))
""")

_END = text("""
    update flash_sale_buckets b set open = false, returned = b.returned + b.free, free = 0
    from (select sale_id, number, free from flash_sale_buckets where sale_id = any(cast(:sales as uuid[]))
          order by sale_id, number for update) l
    where b.sale_id = l.sale_id and b.number = l.number
    returning b.sale_id, l.free
""")

_RESIZE = text("""
    update flash_sale_buckets b set quota = b.quota + d.units, free = b.free + d.units
    from unnest(cast(:numbers as int[]), cast(:units as bigint[])) as d (number, units)
    where b.sale_id = :sale and b.number = d.number
""")

_HAND_OVER = text("""
    insert into stock_movements (product_id, location, kind, on_hand, reserved, order_id, note, move_time, source)
    select m.product_id, m.location, m.kind, 0, m.reserved, m.order_id, '', cast(:now as timestamptz), m.source
    from unnest(cast(:products as uuid[]), cast(:locations as text[]), cast(:kinds as text[]),
                cast(:reserved as bigint[]), cast(:orders as uuid[]), cast(:sources as text[]))
        as m (product_id, location, kind, reserved, order_id, source)
""")

_OVERSOLD = text("""
    select cast(coalesce(sum(abs(b.held - u.held) + abs(b.sold - u.sold)), 0) as bigint)
    from flash_sale_buckets b
    join flash_sales s on s.id = b.sale_id and s.ending is null
    cross join lateral (
        select count(*) filter (where not paid) as held, count(*) filter (where paid) as sold
        from flash_sale_units u where u.sale_id = b.sale_id and u.bucket = b.number
    ) u
""")


class FlashSaleUnitStore:
    """The units of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, claims: Sequence[Claim]) -> dict[UUID, list[int]]:
        """Claim the next units of members for their orders; answers which, by order: fewer than were asked for when the
        limit is reached, or when somebody else claimed the same at the same moment."""
        columns = {
            "sales": [claim.sale for claim in claims],
            "members": [claim.member for claim in claims],
            "orders": [claim.order for claim in claims],
            "units": [claim.units for claim in claims],
            "skips": [claim.skip for claim in claims],
            "limits": [claim.limit for claim in claims],
        }
        claimed: dict[UUID, list[int]] = {}
        for order, n in self._connection.execute(_CLAIM, columns):
            claimed.setdefault(UUID(str(order)), []).append(n)
        return claimed

    def unclaim(self, orders: Sequence[UUID]) -> None:
        """Give up units that were claimed in this transaction."""
        self._connection.execute(_UNCLAIM, {"orders": list(orders)})

    def bought(self, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], tuple[int, UUID]]:
        """How many units members have of sales, with one of their orders; those with none are missing."""
        columns = {"sales": [sale for sale, _ in pairs], "members": [member for _, member in pairs]}
        rows = self._connection.execute(_BOUGHT, columns)
        return {(UUID(str(row[0])), UUID(str(row[1]))): (row[2], UUID(str(row[3]))) for row in rows}

    def tiers(self, members: Sequence[UUID]) -> dict[UUID, str]:
        """The tiers of those of the members who reached one."""
        return {UUID(str(row[0])): row[1] for row in self._connection.execute(_TIERS, {"members": list(members)})}

    def lock(self, buckets: Sequence[tuple[UUID, int]]) -> list[Bucket]:
        """Those of the buckets with free units, which nobody else changes until the transaction ends."""
        columns = {"sales": [sale for sale, _ in buckets], "numbers": [number for _, number in buckets]}
        return [_bucket(row) for row in self._connection.execute(_LOCK_SOME, columns)]

    def lock_all(self, sales: Sequence[UUID]) -> list[Bucket]:
        """All buckets of sales, which nobody else changes until the transaction ends."""
        return [_bucket(row) for row in self._connection.execute(_LOCK_ALL, {"sales": list(sales)})]

    def take(self, seats: Sequence[Seat], refused: Sequence[UUID]) -> None:
        """Take claimed units from locked buckets, and give up what refused orders claimed."""
        columns = {
            "orders": [seat.order for seat in seats],
            "ns": [seat.n for seat in seats],
            "numbers": [seat.bucket for seat in seats],
            "refused": list(refused),
        }
        if sum(row[0] for row in self._connection.execute(_TAKE, columns)) != len(seats):
            raise conflict()

    def pay(self, orders: Sequence[UUID]) -> None:
        """The held units of orders are sold; the same once more changes nothing."""
        self._connection.execute(_PAY, {"orders": list(orders)})

    def release(self, orders: Sequence[UUID]) -> list[Freed]:
        """The held units of orders are free again, or go back to stock if their sale is over."""
        return [_freed(row) for row in self._connection.execute(_RELEASE, {"orders": list(orders)})]

    def unsent(self, orders: Sequence[UUID]) -> dict[UUID, int]:
        """How many units of orders never left, or came back before they arrived, and are not in stock again."""
        rows = self._connection.execute(_UNSENT, {"orders": list(orders)})
        return {UUID(str(order)): max(0, int(units)) for order, units in rows}

    def resell(self, there: Sequence[There]) -> list[Freed]:
        """The sold units of orders that are there are free again, where the sale's policy says so and it is not
        over."""
        columns = {
            "orders": [each.order for each in there],
            "unsent": [each.unsent for each in there],
            "back": [each.back for each in there],
        }
        return [_freed(row) for row in self._connection.execute(_RESELL, columns)]

    def end(self, sales: Sequence[UUID]) -> list[tuple[UUID, int]]:
        """Close the buckets of sales; answers the free units of each, which are to go back to stock."""
        rows = self._connection.execute(_END, {"sales": list(sales)})
        return [(UUID(str(row[0])), row[1]) for row in rows]

    def resize(self, sale: UUID, units: Mapping[int, int]) -> None:
        """Give buckets more or fewer free units."""
        columns = {"sale": sale, "numbers": list(units), "units": list(units.values())}
        self._connection.execute(_RESIZE, columns)

    def hand_over(self, movements: Sequence[Movement], now: datetime) -> None:
        """Book that reserved units pass from a sale to its orders. The sum of the movements must be zero: the stock
        stays as it is, and nobody waits for its row."""
        columns = {
            "products": [movement.place.product for movement in movements],
            "locations": [movement.place.location for movement in movements],
            "kinds": [movement.kind.value for movement in movements],
            "reserved": [movement.reserved for movement in movements],
            "orders": [movement.order for movement in movements],
            "sources": [movement.source for movement in movements],
            "now": now,
        }
        self._connection.execute(_HAND_OVER, columns)

    def astray(self) -> int:
        """How many units of the sales under way are counted in a state that no order of theirs is in: 0, always."""
        found: int = self._connection.execute(_OVERSOLD).scalar_one()
        return found


def _bucket(row: Row[*tuple[Any, ...]]) -> Bucket:
    sale, number, quota, free, held, sold, returned = row
    return Bucket(UUID(str(sale)), number, quota, free, held, sold, returned)


def _freed(row: Row[*tuple[Any, ...]]) -> Freed:
    sale, product, location, units, is_open, unsent = row
    return Freed(UUID(str(sale)), Place(UUID(str(product)), location), units, is_open, unsent)
