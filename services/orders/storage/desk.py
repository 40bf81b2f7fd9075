"""What the order desk puts on orders: acts, tags, holds."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from services.orders.domain.desk import Act, Hold, Marks
from services.orders.domain.order import Order

_ADD_ACTS = text("""
    insert into order_acts (id, order_id, kind, actor, subject, text, act_time)
    select * from unnest(cast(:ids as uuid[]), cast(:orders as uuid[]), cast(:kinds as text[]),
                         cast(:actors as text[]), cast(:subjects as text[]), cast(:texts as text[]),
                         cast(:times as timestamptz[]))
""")

_MARKS = text("""
    select o.id, h.reason, h.actor, h.hold_time,
           (select array_agg(t.tag order by t.tag) from order_tags t where t.order_id = o.id) as tags
    from unnest(cast(:ids as uuid[])) as o (id) left join order_holds h on h.order_id = o.id
""")

_TAG = text("""
    insert into order_tags (order_id, tag, place_time)
    select :order, t.tag, :place_time from unnest(cast(:tags as text[])) as t (tag)
    on conflict (order_id, tag) do nothing
""")
_UNTAG = text("delete from order_tags where order_id = :order and tag = any(cast(:tags as text[]))")

_HOLD = text("""
    insert into order_holds (order_id, reason, actor, hold_time, place_time)
    values (:order, :reason, :actor, :time, :place_time)
""")
_RELEASE = text("delete from order_holds where order_id = :order")

_FORGET = text("""
    update order_acts a set text = '' from orders o
    where o.id = a.order_id and o.member_id = any(cast(:members as uuid[])) and a.text <> ''
""")
_FORGET_HOLDS = text("""
    update order_holds h set reason = '' from orders o
    where o.id = h.order_id and o.member_id = any(cast(:members as uuid[]))
""")


class DeskStore:
    """What the desk did, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def act(self, acts: Sequence[Act]) -> None:
        """Write down what was done."""
        columns = {
            "ids": [act.id for act in acts],
            "orders": [act.order for act in acts],
            "kinds": [act.kind.value for act in acts],
            "actors": [act.actor for act in acts],
            "subjects": [act.subject for act in acts],
            "texts": [act.text for act in acts],
            "times": [act.time for act in acts],
        }
        self._connection.execute(_ADD_ACTS, columns)

    def marks(self, orders: Sequence[UUID]) -> dict[UUID, Marks]:
        """What is on orders."""
        rows = self._connection.execute(_MARKS, {"ids": list(orders)})
        return {
            UUID(str(row.id)): Marks(
                tuple(row.tags or ()), Hold(row.reason, row.actor, row.hold_time) if row.hold_time else None
            )
            for row in rows
        }

    def retag(self, order: Order, add: Sequence[str], remove: Sequence[str]) -> None:
        """Put tags on an order, and take tags off it."""
        if add:
            columns = {"order": order.id, "tags": list(add), "place_time": order.place_time}
            self._connection.execute(_TAG, columns)
        if remove:
            self._connection.execute(_UNTAG, {"order": order.id, "tags": list(remove)})

    def hold(self, order: Order, hold: Hold) -> None:
        """Hold an order that is not held."""
        columns = {
            "order": order.id,
            "reason": hold.reason,
            "actor": hold.actor,
            "time": hold.time,
            "place_time": order.place_time,
        }
        self._connection.execute(_HOLD, columns)

    def release(self, order_id: UUID) -> None:
        """Hold an order no more."""
        self._connection.execute(_RELEASE, {"order": order_id})

    def forget(self, members: Sequence[UUID]) -> None:
        """Delete what people wrote about the orders of members; that they wrote it, and when, stays."""
        self._connection.execute(_FORGET, {"members": list(members)})
        self._connection.execute(_FORGET_HOLDS, {"members": list(members)})
