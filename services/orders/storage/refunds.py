"""Refunds: rows to domain and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, tuple_

from kit.money import Money
from kit.page import Page
from services.orders.domain.refund import Refund, RefundLine
from services.orders.storage.tables.core import refunds


class RefundStore:
    """The refunds of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, refund: Refund) -> None:
        """Store a new refund."""
        self._connection.execute(
            insert(refunds).values(
                id=refund.id,
                order_id=refund.order,
                request_id=refund.request_id or None,
                currency=refund.amount.currency,
                amount=refund.amount.minor,
                points=refund.points,
                points_value=refund.points_value.minor,
                lines=[[line.position, line.quantity, line.amount.minor] for line in refund.lines],
                reason=refund.reason,
                refund_time=refund.refund_time,
            )
        )

    def of_request(self, order_id: UUID, request_id: str) -> Refund | None:
        """The refund that a request of the order made."""
        query = select(refunds).where(refunds.c.order_id == order_id, refunds.c.request_id == request_id)
        row = self._connection.execute(query).one_or_none()
        return _refund(row) if row else None

    def page(self, order_id: UUID, page: Page) -> list[Refund]:
        """The refunds of a page and one more if there are more, the latest first."""
        query = (
            select(refunds)
            .where(refunds.c.order_id == order_id)
            .order_by(refunds.c.refund_time.desc(), refunds.c.id.desc())
            .limit(page.fetch)
        )
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            query = query.where(tuple_(refunds.c.refund_time, refunds.c.id) < at)
        return [_refund(row) for row in self._connection.execute(query)]


def _refund(row: Row[*tuple[Any, ...]]) -> Refund:
    return Refund(
        id=row.id,
        order=row.order_id,
        request_id=row.request_id or "",
        lines=tuple(RefundLine(position, units, Money(amount, row.currency)) for position, units, amount in row.lines),
        amount=Money(row.amount, row.currency),
        points=row.points,
        points_value=Money(row.points_value, row.currency),
        reason=row.reason,
        refund_time=row.refund_time,
    )
