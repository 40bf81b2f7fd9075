"""Carts: rows to domain and back. A cart is one row, so that whoever locks it has all of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause, text

from kit.money import Money
from services.orders.domain.cart import Cart, CartLine
from services.orders.storage import families
from services.orders.storage.families import merged_into, root

_OWNER = "coalesce(carts.member_id, carts.customer_id)"

# A cart keeps the member that opened it, and is of whoever stands for that one now: a merge moves nothing.
_COLUMNS = f"""id, {root(_OWNER)} as member_id, array({merged_into(root(_OWNER))}) as others, channel, store,
              cast(lines as text) as lines, cast(coupons as text) as coupons, create_time, touch_time, abandon_time,
              version, merged_into, order_id, ordered_version, ordered_terms"""


def _open(owner: str, place: str) -> TextClause:
    """Opens the one cart that an owner has in a place."""
    # The update changes nothing; it makes the row that is there the answer, and locks it.
    return text(f"""
        insert into carts (id, {owner}, channel, store, lines, units, coupons, create_time, touch_time, version,
                           ordered_version, ordered_terms)
        values (:id, cast(:member as uuid), :channel, :store, '[]', 0, '[]', cast(:now as timestamptz),
                cast(:now as timestamptz), 1, 0, '')
        on conflict ({owner}, {place}) where {owner} is not null do update set {owner} = excluded.{owner}
        returning {_COLUMNS}
    """)  # noqa: S608 - constants


def _held(owner: str) -> TextClause:
    """The cart that one of a family has in a place: one with lines before others, then that of the first."""
    return text(f"""
        select {_COLUMNS} from carts
        where {owner} = any(cast(:family as uuid[])) and channel = :channel and store = :store
        order by units = 0, array_position(cast(:family as uuid[]), {owner}) limit 1 for update
    """)  # noqa: S608 - constants


_OPEN, _HELD = _open("member_id", "channel"), _held("member_id")
_OPEN_IN_STORE, _HELD_IN_STORE = _open("customer_id", "channel, store"), _held("customer_id")

_GET = text(f"select {_COLUMNS} from carts where id = :id")  # noqa: S608 - constants
_LOCK = text(f"select {_COLUMNS} from carts where id = any(cast(:ids as uuid[])) order by id for update")  # noqa: S608 - constants

_LEFT = text(f"""
    select {_COLUMNS} from carts
    where abandon_time is null and units > 0 and touch_time < cast(:before as timestamptz)
    order by touch_time limit :limit for update skip locked
""")  # noqa: S608 - constants

_SAVE = text("""
    update carts c
    set lines = cast(u.lines as jsonb), units = u.units, coupons = cast(u.coupons as jsonb), touch_time = u.touch_time,
        abandon_time = u.abandon_time, version = u.version, merged_into = u.merged_into, order_id = u.order_id,
        ordered_version = u.ordered_version, ordered_terms = u.ordered_terms
    from unnest(
        cast(:ids as uuid[]), cast(:lines as text[]), cast(:units as bigint[]), cast(:coupons as text[]),
        cast(:touch_times as timestamptz[]), cast(:abandon_times as timestamptz[]), cast(:versions as bigint[]),
        cast(:merged_into as uuid[]), cast(:orders as uuid[]), cast(:ordered_versions as bigint[]),
        cast(:ordered_terms as bytea[])
    ) as u (id, lines, units, coupons, touch_time, abandon_time, version, merged_into, order_id, ordered_version,
            ordered_terms)
    where c.id = u.id
""")

_EXPIRE = text("""
    delete from carts where id in (
        select id from carts where member_id is null and touch_time < cast(:before as timestamptz)
        order by touch_time limit :limit for update skip locked
    )
""")

_FORGET = text("""
    delete from carts where member_id = any(cast(:members as uuid[])) or customer_id = any(cast(:members as uuid[]))
""")


class CartStore:
    """The carts of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, cart: Cart) -> Cart:
        """Store a new cart, or answer the one that its member, or who is one person with the member, has in the channel
        and the store; locked."""
        place = {"channel": cart.channel, "store": cart.store}
        family = families.family(self._connection, cart.member) if cart.member else []
        if len(family) > 1:
            held = _HELD_IN_STORE if cart.store else _HELD
            row = self._connection.execute(held, {"family": family, **place}).one_or_none()
            if row is not None:
                return _cart(row)
        values = {"id": cart.id, "member": cart.member, "now": cart.create_time, **place}
        return _cart(self._connection.execute(_OPEN_IN_STORE if cart.store else _OPEN, values).one())

    def get(self, cart_id: UUID) -> Cart | None:
        """The cart, if it exists."""
        row = self._connection.execute(_GET, {"id": cart_id}).one_or_none()
        return _cart(row) if row else None

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Cart]:
        """Those of the carts that exist, which nobody else changes until the transaction ends."""
        rows = self._connection.execute(_LOCK, {"ids": list(ids)})
        return {cart.id: cart for cart in map(_cart, rows)}

    def left(self, before: datetime, limit: int) -> list[Cart]:
        """Carts with lines that nobody has touched since, and that were not found so before; locked, those that others
        lock are passed over."""
        return [_cart(row) for row in self._connection.execute(_LEFT, {"before": before, "limit": limit})]

    def save(self, changed: Sequence[Cart]) -> None:
        """Store changed carts, which must be locked."""
        self._connection.execute(
            _SAVE,
            {
                "ids": [cart.id for cart in changed],
                "lines": [json.dumps([_line_row(line) for line in cart.lines]) for cart in changed],
                "units": [sum(line.quantity for line in cart.active) for cart in changed],
                "coupons": [json.dumps(cart.coupons) for cart in changed],
                "touch_times": [cart.touch_time for cart in changed],
                "abandon_times": [cart.abandon_time for cart in changed],
                "versions": [cart.version for cart in changed],
                "merged_into": [cart.merged_into for cart in changed],
                "orders": [cart.order for cart in changed],
                "ordered_versions": [cart.ordered_version for cart in changed],
                "ordered_terms": [cart.ordered_terms for cart in changed],
            },
        )

    def expire(self, before: datetime, limit: int) -> int:
        """Delete carts of guests and of stores that nobody has touched since; answers how many."""
        return self._connection.execute(_EXPIRE, {"before": before, "limit": limit}).rowcount

    def forget(self, members: Sequence[UUID]) -> None:
        """Delete the carts of members."""
        self._connection.execute(_FORGET, {"members": list(members)})


def _line_row(line: CartLine) -> list[object]:
    seen = line.seen
    return [
        str(line.product),
        line.quantity,
        line.saved,
        seen.minor if seen else None,
        seen.currency if seen else "",
        line.add_time.isoformat(),
    ]


def _line(row: Sequence[Any]) -> CartLine:
    product, quantity, saved, seen, currency, add_time = row
    price = Money(seen, currency) if seen is not None else None
    return CartLine(UUID(product), quantity, saved, price, datetime.fromisoformat(add_time))


def _cart(row: Row[*tuple[Any, ...]]) -> Cart:
    return Cart(
        id=UUID(str(row.id)),
        member=_id(row.member_id),
        others=frozenset(row.others),
        channel=row.channel,
        lines=tuple(map(_line, json.loads(row.lines))),
        coupons=tuple(json.loads(row.coupons)),
        create_time=row.create_time,
        touch_time=row.touch_time,
        version=row.version,
        merged_into=_id(row.merged_into),
        abandon_time=row.abandon_time,
        order=_id(row.order_id),
        ordered_version=row.ordered_version,
        ordered_terms=bytes(row.ordered_terms),
        store=row.store,
    )


def _id(value: object) -> UUID | None:
    return UUID(str(value)) if value else None
