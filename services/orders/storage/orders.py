"""Orders with their lines and payments: rows to domain and back, always many at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, select, tuple_

from kit.errors import conflict
from kit.page import Page
from services.orders.domain.order import Order
from services.orders.domain.order_content import OrderQuery
from services.orders.storage import families, imported_rows, order_rows, parts
from services.orders.storage import order_statements as statements
from services.orders.storage.tables.core import orders


class OrderStore:
    """The orders of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, placed: Sequence[Order]) -> dict[UUID, int]:
        """Store new orders that are not paid; answers their counters."""
        rows = self._connection.execute(
            statements.ADD, {**order_rows.order_columns(placed), **order_rows.line_columns(placed)}
        )
        return {UUID(str(row[0])): row[1] for row in rows}

    def add_imported(self, imported: Sequence[Order]) -> dict[UUID, str]:
        """Store new orders; answers which were stored, with the part of the organisation that each belongs to: the key
        of the others became known meanwhile."""
        ordered = sorted(imported, key=lambda order: (order.channel, order.external_id))
        rows = self._connection.execute(imported_rows.ADD, imported_rows.columns(ordered))
        return {row.id: row.org for row in rows}

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist."""
        rows = self._connection.execute(statements.GET, {"ids": list(ids)})
        return {order.id: order for order in map(order_rows.order, rows)}

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """As `get`; nobody else changes them until the transaction ends."""
        rows = self._connection.execute(statements.LOCK, {"ids": list(ids)}).all()
        found = {row.id: order_rows.order(row) for row in rows if row.seen == row.version}
        return found if len(found) == len(rows) else found | self.get([row.id for row in rows if row.id not in found])

    def save(self, changes: Sequence[tuple[Order, Order]]) -> None:
        """Store orders as (before, after), with new payments and what was refunded, only over the state and version
        `before`. Raises a Fault otherwise."""
        after = [new for _, new in changes]
        columns = {
            **order_rows.condition(changes),
            "states": [order.state.value for order in after],
            "refunded": [order.refunded for order in after],
            "refunded_points": [order.refunded_points for order in after],
            "pay_times": [order.pay_time for order in after],
            "complete_times": [order.complete_time for order in after],
            "cancel_times": [order.cancel_time for order in after],
            "cancel_reasons": [order.cancel_reason.value if order.cancel_reason else None for order in after],
            "refunded_freights": [order.refunded_freight.amount for order in after],
            "refunded_freight_values": [order.refunded_freight.points_value for order in after],
            "refunded_freight_points": [order.refunded_freight.points for order in after],
            "locations": [order.location for order in after],
            "awaiting": [order.awaiting for order in after],
            "expire_times": [order.expire_time for order in after],
            **order_rows.payment_columns([(new, len(old.payments)) for old, new in changes]),
        }
        if self._connection.execute(statements.SAVE, columns).rowcount != len(changes):
            raise conflict()
        self._save_lines(changes)
        self._save_payments(changes)

    def save_points(self, before: Order, after: Order) -> None:
        """Store the points that an order is paid with, only over the state and version `before`. Raises a Fault
        otherwise."""
        columns = {
            "id": after.id,
            "state_before": before.state.value,
            "version_before": before.version,
            "version": after.version,
            "update_time": after.update_time,
            "hold": after.hold,
            "points": after.points,
            "points_value": after.points_value,
            "positions": [line.position for line in after.lines],
            "shares": [order_rows.shares_json(line.shares) for line in after.lines],
        }
        if self._connection.execute(statements.SAVE_POINTS, columns).rowcount != 1:
            raise conflict()

    def save_renewed(self, order: Order) -> None:
        """Store the new names of what is held for an order that was saved in this transaction."""
        columns = {
            "id": order.id,
            "hold": order.hold,
            "positions": list(range(1, len(order.payments) + 1)),
            "references": [payment.reference for payment in order.payments],
            "pay_times": [payment.pay_time for payment in order.payments],
        }
        self._connection.execute(statements.SAVE_RENEWED, columns)

    def replace(self, changes: Sequence[tuple[Order, Order]]) -> dict[UUID, str]:
        """Store imported orders as (before, after) with other lines, another total, time and store; answers the part of
        the organisation that each belongs to."""
        after = [new for _, new in changes]
        columns = {
            **order_rows.condition(changes),
            "totals": [order.total for order in after],
            "fingerprints": [order.fingerprint for order in after],
            "place_times": [order.place_time for order in after],
            "stores": [order.store for order in after],
        }
        parts = {row.id: row.org for row in self._connection.execute(statements.REPLACE, columns)}
        if len(parts) != len(changes):
            raise conflict()
        self._add_content(after)
        return parts

    def page(self, query: OrderQuery, page: Page) -> list[Order]:
        """The orders of a page and one more if there are more, the latest placed first."""
        statement = select(*statements.WHOLE)
        filters = (
            (orders.c.account_id, query.account),
            (orders.c.state, query.state.value if query.state else None),
            (orders.c.channel, query.channel),
        )
        for column, value in filters:
            if value is not None:
                statement = statement.where(column == value)
        if query.start is not None:
            statement = statement.where(orders.c.place_time >= query.start)
        if query.end is not None:
            statement = statement.where(orders.c.place_time < query.end)
        if query.org:
            self._connection.execute(parts.PLAN_ANEW)
            statement = statement.where(parts.own("orders", query.org))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(orders.c.place_time, orders.c.id) < at)
        if query.member is None:
            statement = statement.order_by(*_latest(orders.c)).limit(page.fetch)
        else:
            members = families.family(self._connection, query.member)
            statement = families.page_of(statement, orders, members, _latest, page.fetch)
        return [order_rows.order(row) for row in self._connection.execute(statement)]

    def imported(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[UUID, bytes]]:
        """The ids and fingerprints of the orders that are known by these keys (channel, external id)."""
        columns = {"channels": [channel for channel, _ in keys], "external_ids": [external for _, external in keys]}
        rows = self._connection.execute(statements.IMPORTED, columns)
        return {(row[0], row[1]): (UUID(str(row[2])), bytes(row[3])) for row in rows}

    def of_opportunities(self, ids: Sequence[UUID]) -> set[UUID]:
        """Which of the opportunities became orders already."""
        rows = self._connection.execute(statements.OF_OPPORTUNITIES, {"ids": list(ids)})
        return {UUID(str(row[0])) for row in rows}

    def overdue(self, now: datetime, limit: int) -> list[UUID]:
        """Orders that could be paid until now or earlier; locked, those that others lock are passed over."""
        rows = self._connection.execute(statements.OVERDUE, {"now": now, "limit": limit})
        return [UUID(str(row[0])) for row in rows]

    def _add_content(self, added: Sequence[Order]) -> None:
        if added:
            paid = [(order, 0) for order in added]
            self._connection.execute(
                statements.ADD_CONTENT, {**order_rows.line_columns(added), **order_rows.payment_columns(paid)}
            )

    def _save_lines(self, changes: Sequence[tuple[Order, Order]]) -> None:
        changed = [
            (new.id, line.position, line.refunded_quantity, *astuple(line.ahead))
            for old, new in changes
            if new.lines is not old.lines
            for line, was in zip(new.lines, old.lines, strict=True)
            if (line.refunded_quantity, line.ahead) != (was.refunded_quantity, was.ahead)
        ]
        if changed:
            keys = ("orders", "positions", "refunded", "ahead", "ahead_values", "ahead_points")
            columns = dict(zip(keys, map(list, zip(*changed, strict=True)), strict=True))
            self._connection.execute(statements.SAVE_LINES, columns)

    def _save_payments(self, changes: Sequence[tuple[Order, Order]]) -> None:
        changed = [
            (new.id, position, payment.refunded)
            for old, new in changes
            for position, (payment, was) in enumerate(zip(new.payments, old.payments, strict=False), 1)
            if payment.refunded != was.refunded
        ]
        if changed:
            columns = dict(zip(("orders", "positions", "refunded"), map(list, zip(*changed, strict=True)), strict=True))
            self._connection.execute(statements.SAVE_PAYMENTS, columns)


def _latest(columns: Any) -> tuple[ColumnElement[Any], ...]:
    return columns.place_time.desc(), columns.id.desc()
