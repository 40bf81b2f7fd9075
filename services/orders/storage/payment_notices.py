"""Notices of payment providers: rows to domain and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from services.orders.domain.payment_notice import PaymentNotice, Sealed
from services.orders.storage.tables.payments import payment_notices

_T = payment_notices.c

_DUE = text("""
    select id from payment_notices where apply_time is null and next_time <= cast(:now as timestamptz)
    order by next_time limit :limit for update skip locked
""")


class PaymentNoticeStore:
    """The notices of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notice: PaymentNotice) -> bool:
        """Store a notice; answers False if it came before."""
        statement = insert(payment_notices).values(
            id=notice.id,
            provider=notice.provider,
            notice_id=notice.notice_id,
            kind=notice.kind,
            reference=notice.reference,
            key_id=notice.sealed.key_id,
            wrapped=notice.sealed.wrapped,
            sealed=notice.sealed.text,
            receive_time=notice.receive_time,
            next_time=notice.next_time,
            attempts=notice.attempts,
        )
        return self._connection.execute(statement.on_conflict_do_nothing()).rowcount == 1

    def due(self, now: datetime, limit: int) -> list[PaymentNotice]:
        """Notices that are still to be applied; locked, those that others lock are passed over."""
        ids = [UUID(str(row[0])) for row in self._connection.execute(_DUE, {"now": now, "limit": limit})]
        if not ids:
            return []
        query = select(payment_notices).where(_T.id.in_(ids)).order_by(_T.receive_time)
        return [_notice(row) for row in self._connection.execute(query)]

    def lease(self, notice: PaymentNotice) -> None:
        """Store when it is tried again."""
        change = update(payment_notices).where(_T.id == notice.id)
        self._connection.execute(change.values(attempts=notice.attempts, next_time=notice.next_time))

    def applied(self, provider: str, notice_id: str, now: datetime) -> None:
        """The notice had its effect."""
        change = update(payment_notices).where(
            _T.provider == provider, _T.notice_id == notice_id, _T.apply_time.is_(None)
        )
        self._connection.execute(change.values(apply_time=now, next_time=None))

    def prune(self, before: datetime) -> None:
        """Forget notices that are older."""
        self._connection.execute(delete(payment_notices).where(_T.receive_time < before))

    def waiting(self) -> int:
        """How many notices have not had their effect though they were tried again."""
        query = select(func.count()).where(_T.apply_time.is_(None), _T.attempts > 1)
        return int(self._connection.execute(query).scalar_one())


def _notice(row: Row[*tuple[Any, ...]]) -> PaymentNotice:
    return PaymentNotice(
        row.id,
        row.provider,
        row.notice_id,
        row.kind,
        row.reference,
        Sealed(row.key_id, bytes(row.wrapped), bytes(row.sealed)),
        row.receive_time,
        row.next_time,
        row.apply_time,
        row.attempts,
    )
