"""The orders of presales: rows to domain and back, always many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text

from kit.money import Money
from kit.page import Page
from services.orders.domain.presale_order import PresaleOrder, PresaleOrderState
from services.orders.storage import parts
from services.orders.storage.tables.presales import presale_orders

_SAVE = text("""
    update presale_orders p
    set state = u.state, next_reminder = u.next_reminder, version = u.version, update_time = u.update_time
    from unnest(cast(:orders as uuid[]), cast(:states as text[]), cast(:reminders as timestamptz[]),
                cast(:versions as bigint[]), cast(:update_times as timestamptz[]))
        as u (order_id, state, next_reminder, version, update_time)
    where p.order_id = u.order_id
""")

_UNITS = text("""
    select presale_id, member_id, sum(quantity) as units from presale_orders
    where (presale_id, member_id) in (select * from unnest(cast(:presales as uuid[]), cast(:members as uuid[])))
      and state in ('RESERVED', 'DEPOSITED', 'PAID')
    group by presale_id, member_id
""")

_UNPAID_OF_CANCELLED = text("""
    select o.order_id from presales p
    join presale_orders o on o.presale_id = p.id and o.state in ('RESERVED', 'DEPOSITED')
    where p.cancel_time is not null limit :limit
""")


class PresaleOrderStore:
    """The orders of presales of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, reserved: Sequence[PresaleOrder]) -> None:
        """Store new ones."""
        self._connection.execute(insert(presale_orders).values([_row(each) for each in reserved]))

    def of(self, orders: Sequence[UUID]) -> list[PresaleOrder]:
        """Those of orders; nobody else changes them until the transaction ends."""
        query = select(presale_orders).where(presale_orders.c.order_id.in_(orders))
        return self._found(query.order_by(presale_orders.c.order_id).with_for_update())

    def save(self, changed: Sequence[PresaleOrder]) -> None:
        """Store changed ones."""
        columns = {
            "orders": [each.order for each in changed],
            "states": [each.state.value for each in changed],
            "reminders": [each.next_reminder for each in changed],
            "versions": [each.version for each in changed],
            "update_times": [each.update_time for each in changed],
        }
        self._connection.execute(_SAVE, columns)

    def units(self, owners: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
        """The units that members have of presales, as (presale, member)."""
        columns = {"presales": [presale for presale, _ in owners], "members": [member for _, member in owners]}
        rows = self._connection.execute(_UNITS, columns)
        return {(UUID(str(row[0])), UUID(str(row[1]))): int(row[2]) for row in rows}

    def due(self, now: datetime, limit: int) -> list[PresaleOrder]:
        """Those whose members are to be reminded; locked, those that others lock are passed over."""
        query = select(presale_orders).where(presale_orders.c.next_reminder <= now)
        return self._found(
            query.order_by(presale_orders.c.next_reminder).limit(limit).with_for_update(skip_locked=True)
        )

    def unpaid_of_cancelled(self, limit: int) -> list[UUID]:
        """Orders of cancelled presales that are not paid in full."""
        rows = self._connection.execute(_UNPAID_OF_CANCELLED, {"limit": limit})
        return [UUID(str(row[0])) for row in rows]

    def page(self, presale: UUID, page: Page, *, org: str = "") -> list[PresaleOrder]:
        """The orders of a page and one more if there are more, the first first."""
        query = select(presale_orders).where(presale_orders.c.presale_id == presale)
        if org:
            self._connection.execute(parts.PLAN_ANEW)
            query = query.where(parts.of_order("presale_orders", org))
        if page.after is not None:
            query = query.where(presale_orders.c.order_id > UUID(page.after[0]))
        return self._found(query.order_by(presale_orders.c.order_id).limit(page.fetch))

    def _found(self, query: Any) -> list[PresaleOrder]:
        return [_presale_order(row) for row in self._connection.execute(query)]


def _row(of: PresaleOrder) -> dict[str, object]:
    return {
        "order_id": of.order,
        "presale_id": of.presale,
        "member_id": of.member,
        "quantity": of.quantity,
        "state": of.state.value,
        "deposit": of.deposit.minor,
        "balance": of.balance,
        "currency": of.deposit.currency,
        "balance_start": of.balance_start,
        "balance_end": of.balance_end,
        "remind_time": of.remind_time,
        "next_reminder": of.next_reminder,
        "version": of.version,
        "create_time": of.create_time,
        "update_time": of.update_time,
    }


def _presale_order(row: Row[*tuple[Any, ...]]) -> PresaleOrder:
    return PresaleOrder(
        order=UUID(str(row.order_id)),
        presale=UUID(str(row.presale_id)),
        member=UUID(str(row.member_id)),
        quantity=row.quantity,
        state=PresaleOrderState(row.state),
        deposit=Money(row.deposit, row.currency),
        balance=row.balance,
        balance_start=row.balance_start,
        balance_end=row.balance_end,
        remind_time=row.remind_time,
        next_reminder=row.next_reminder,
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )
