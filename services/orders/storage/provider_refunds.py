"""Money on its way back through providers: rows to domain and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from kit.errors import conflict
from kit.money import Money
from kit.page import Page
from services.orders.domain.provider_refund import (
    OwedRefund,
    ProviderRefund,
    ProviderRefundCause,
    ProviderRefundState,
)
from services.orders.storage import parts
from services.orders.storage.tables.payments import provider_refunds

_T = provider_refunds.c

_DUE = text("""
    select id from provider_refunds where state = 'PENDING' and next_time <= cast(:now as timestamptz)
    order by next_time limit :limit for update skip locked
""")
_OWED = text("""
    select r.refund_id, r.payment, r.order_id, r.tender, r.amount, o.currency, p.reference
    from refund_payments r
    join payments p on p.order_id = r.order_id and p.position = r.payment
    join orders o on o.id = r.order_id
    where r.state = 'PENDING' and r.tender = any(cast(:tenders as text[]))
          and not exists (select 1 from provider_refunds m where m.refund_id = r.refund_id and m.position = r.payment)
    order by r.update_time limit :limit for update of r skip locked
""")


class ProviderRefundStore:
    """The money on its way back, of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, refund: ProviderRefund) -> bool:
        """Store money that goes back; answers False if it does so already."""
        values = _values(refund)
        statement = insert(provider_refunds).values(id=refund.id, **values).on_conflict_do_nothing()
        return self._connection.execute(statement).rowcount == 1

    def owed(self, tenders: Sequence[str], limit: int) -> list[OwedRefund]:
        """What orders give back through providers, and no provider was asked for yet."""
        rows = self._connection.execute(_OWED, {"tenders": list(tenders), "limit": limit})
        return [
            OwedRefund(
                UUID(str(row.refund_id)),
                row.payment,
                UUID(str(row.order_id)),
                row.tender,
                Money(row.amount, row.currency),
                row.reference,
            )
            for row in rows
        ]

    def get(self, refund_id: UUID) -> ProviderRefund | None:
        """One refund."""
        row = self._connection.execute(select(provider_refunds).where(_T.id == refund_id)).one_or_none()
        return _refund(row) if row else None

    def lock(self, refund_id: UUID) -> ProviderRefund | None:
        """One refund; nobody else changes it until the transaction ends."""
        query = select(provider_refunds).where(_T.id == refund_id).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return _refund(row) if row else None

    def of_reference(self, provider: str, reference: str) -> ProviderRefund | None:
        """The refund that a provider knows by a reference."""
        query = select(provider_refunds).where(_T.reference == reference, _T.provider == provider)
        row = self._connection.execute(query).one_or_none()
        return _refund(row) if row else None

    def due(self, now: datetime, limit: int) -> list[ProviderRefund]:
        """Refunds whose provider is to be asked; locked, those that others lock are passed over."""
        ids = [UUID(str(row[0])) for row in self._connection.execute(_DUE, {"now": now, "limit": limit})]
        if not ids:
            return []
        query = select(provider_refunds).where(_T.id.in_(ids)).order_by(_T.id)
        return [_refund(row) for row in self._connection.execute(query)]

    def save(self, refund: ProviderRefund) -> None:
        """Store a refund over any earlier version of it. Raises a Fault if it has changed since it was read."""
        change = update(provider_refunds).where(_T.id == refund.id, _T.version < refund.version)
        if self._connection.execute(change.values(**_values(refund))).rowcount != 1:
            raise conflict()

    def page(
        self, order_id: UUID | None, state: ProviderRefundState | None, page: Page, *, org: str = ""
    ) -> list[ProviderRefund]:
        """The refunds of a page and one more if there are more, the latest first; of one order or of all."""
        query = select(provider_refunds).order_by(_T.create_time.desc(), _T.id.desc()).limit(page.fetch)
        if order_id is not None:
            query = query.where(_T.order_id == order_id)
        if state is not None:
            query = query.where(_T.state == state.value)
        if org:
            self._connection.execute(parts.PLAN_ANEW)
            query = query.where(parts.of_order("provider_refunds", org))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            query = query.where(tuple_(_T.create_time, _T.id) < at)
        return [_refund(row) for row in self._connection.execute(query)]

    def settled(self, provider: str, start: datetime, end: datetime) -> list[ProviderRefund]:
        """What a provider gave back in [start, end)."""
        query = select(provider_refunds).where(_T.provider == provider, _T.settle_time >= start, _T.settle_time < end)
        return [_refund(row) for row in self._connection.execute(query)]

    def of_references(self, references: Sequence[str]) -> dict[str, ProviderRefund]:
        """Those of the refunds that exist, by their references."""
        query = select(provider_refunds).where(_T.reference.in_(list(references)))
        return {row.reference: _refund(row) for row in self._connection.execute(query)}

    def duplicates(self, charges: Sequence[str]) -> set[tuple[str, str]]:
        """Which charges were taken once more, each with the transaction that was one too many."""
        query = select(_T.charge, _T.transaction_charged).where(
            _T.charge.in_(list(charges)), _T.cause == ProviderRefundCause.DUPLICATE.value
        )
        return {(row.charge, row.transaction_charged) for row in self._connection.execute(query)}

    def failed(self) -> int:
        """How many refunds wait for a person."""
        query = select(func.count()).where(_T.state == ProviderRefundState.FAILED.value)
        return int(self._connection.execute(query).scalar_one())


def _values(refund: ProviderRefund) -> dict[str, Any]:
    return {
        "order_id": refund.order,
        "intent_id": refund.intent,
        "provider": refund.provider,
        "cause": refund.cause.value,
        "charge": refund.charge,
        "transaction_charged": refund.transaction_charged,
        "currency": refund.amount.currency,
        "amount": refund.amount.minor,
        "total": refund.total.minor,
        "refund_id": refund.refund,
        "position": refund.position,
        "round": refund.round,
        "reference": refund.reference,
        "state": refund.state.value,
        "attempts": refund.attempts,
        "next_time": refund.next_time,
        "transaction": refund.transaction,
        "settle_time": refund.settle_time,
        "detail": refund.detail,
        "given_up": refund.given_up,
        "create_time": refund.create_time,
        "update_time": refund.update_time,
        "version": refund.version,
    }


def _refund(row: Row[*tuple[Any, ...]]) -> ProviderRefund:
    return ProviderRefund(
        id=row.id,
        order=row.order_id,
        intent=row.intent_id,
        provider=row.provider,
        cause=ProviderRefundCause(row.cause),
        charge=row.charge,
        transaction_charged=row.transaction_charged,
        amount=Money(row.amount, row.currency),
        total=Money(row.total, row.currency),
        state=ProviderRefundState(row.state),
        create_time=row.create_time,
        update_time=row.update_time,
        refund=row.refund_id,
        position=row.position,
        round=row.round,
        attempts=row.attempts,
        next_time=row.next_time,
        transaction=row.transaction,
        settle_time=row.settle_time,
        detail=row.detail,
        given_up=row.given_up,
        version=row.version,
    )
