"""Payment intents: rows to domain and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, or_, select, text, tuple_, update

from kit.errors import conflict
from kit.money import Money
from kit.page import Page
from services.orders.domain.payment_intent import IntentCause, IntentState, PaymentIntent
from services.orders.domain.provider import Scene
from services.orders.domain.provider_refund import OwedRefund
from services.orders.storage import parts
from services.orders.storage.tables.payments import payment_intents

_T = payment_intents.c

_DUE = text("""
    select id from payment_intents where state = 'PENDING' and next_time <= cast(:now as timestamptz)
    order by next_time limit :limit for update skip locked
""")
# The order was paid in another way, or cancelled while its provider could not be asked.
_HASTEN = text("""
    update payment_intents i set next_time = cast(:now as timestamptz)
    from orders o
    where i.state = 'PENDING' and i.next_time > cast(:now as timestamptz) and i.expire_time > cast(:now as timestamptz)
          and o.id = i.order_id and o.state <> 'PENDING_PAYMENT'
""")


class PaymentIntentStore:
    """The intents of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, intent: PaymentIntent) -> None:
        """Store a new intent."""
        values = _values(intent)
        self._connection.execute(insert(payment_intents).values(id=intent.id, order_id=intent.order, **values))

    def get(self, intent_id: UUID) -> PaymentIntent | None:
        """An intent."""
        row = self._connection.execute(select(payment_intents).where(_T.id == intent_id)).one_or_none()
        return _intent(row) if row else None

    def of_reference(self, provider: str, reference: str) -> PaymentIntent | None:
        """The intent that a provider knows by a reference."""
        query = select(payment_intents).where(_T.reference == reference, _T.provider == provider)
        row = self._connection.execute(query).one_or_none()
        return _intent(row) if row else None

    def of_transaction(self, provider: str, transaction: str) -> PaymentIntent | None:
        """The intent whose money is this transaction of a provider."""
        query = select(payment_intents).where(_T.provider == provider, _T.transaction == transaction)
        row = self._connection.execute(query).one_or_none()
        return _intent(row) if row else None

    def lock(self, intent_id: UUID) -> PaymentIntent:
        """An intent that is there; nobody else changes it until the transaction ends."""
        query = select(payment_intents).where(_T.id == intent_id).with_for_update()
        return _intent(self._connection.execute(query).one())

    def pending(self, order_id: UUID) -> list[PaymentIntent]:
        """The intents of an order that may still be paid."""
        query = select(payment_intents).where(_T.order_id == order_id, _T.state == IntentState.PENDING.value)
        return [_intent(row) for row in self._connection.execute(query.order_by(_T.id))]

    def due(self, now: datetime, limit: int) -> list[PaymentIntent]:
        """Intents whose provider is to be asked; locked, those that others lock are passed over."""
        ids = [UUID(str(row[0])) for row in self._connection.execute(_DUE, {"now": now, "limit": limit})]
        if not ids:
            return []
        query = select(payment_intents).where(_T.id.in_(ids)).order_by(_T.id)
        return [_intent(row) for row in self._connection.execute(query)]

    def hasten(self, now: datetime) -> int:
        """Let those be closed at once that nobody should pay any more; answers how many."""
        return self._connection.execute(_HASTEN, {"now": now}).rowcount

    def save(self, intent: PaymentIntent) -> None:
        """Store an intent over any earlier version of it. Raises a Fault if it has changed since it was read."""
        change = update(payment_intents).where(_T.id == intent.id, _T.version < intent.version)
        if self._connection.execute(change.values(**_values(intent))).rowcount != 1:
            raise conflict()

    def page(
        self, order_id: UUID | None, state: IntentState | None, page: Page, *, org: str = ""
    ) -> list[PaymentIntent]:
        """The intents of a page and one more if there are more, the latest first; of one order or of all."""
        query = select(payment_intents).order_by(_T.create_time.desc(), _T.id.desc()).limit(page.fetch)
        if order_id is not None:
            query = query.where(_T.order_id == order_id)
        if state is not None:
            query = query.where(_T.state == state.value)
        if org:
            self._connection.execute(parts.PLAN_ANEW)
            query = query.where(parts.of_order("payment_intents", org))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            query = query.where(tuple_(_T.create_time, _T.id) < at)
        return [_intent(row) for row in self._connection.execute(query)]

    def taken(self, provider: str, start: datetime, end: datetime) -> list[PaymentIntent]:
        """What a provider took in [start, end)."""
        query = select(payment_intents).where(_T.provider == provider, _T.pay_time >= start, _T.pay_time < end)
        return [_intent(row) for row in self._connection.execute(query)]

    def of_references(self, references: Sequence[str]) -> dict[str, PaymentIntent]:
        """Those of the intents that exist, by their references."""
        query = select(payment_intents).where(_T.reference.in_(list(references)))
        return {row.reference: _intent(row) for row in self._connection.execute(query)}

    def of_payments(self, owed: Sequence[OwedRefund]) -> dict[tuple[str, str], PaymentIntent]:
        """The intents whose money is to go back, by their tender and what the order knows the payment by."""
        known = [each.transaction for each in owed]
        query = select(payment_intents).where(
            _T.provider.in_([each.tender for each in owed]), or_(_T.transaction.in_(known), _T.reference.in_(known))
        )
        found = [_intent(row) for row in self._connection.execute(query)]
        return {(intent.provider, intent.payment().reference): intent for intent in found if intent.received}

    def first_time(self, provider: str) -> datetime | None:
        """When a provider was first asked for money; None if it never was."""
        first: datetime | None = self._connection.execute(
            select(func.min(_T.create_time)).where(_T.provider == provider)
        ).scalar_one()
        return first

    def parked(self) -> int:
        """How many intents wait for a person."""
        query = select(func.count()).where(_T.state == IntentState.PARKED.value)
        return int(self._connection.execute(query).scalar_one())


def _values(intent: PaymentIntent) -> dict[str, Any]:
    return {
        "provider": intent.provider,
        "scene": intent.scene.value,
        "currency": intent.amount.currency,
        "amount": intent.amount.minor,
        "reference": intent.reference,
        "merchant": intent.merchant,
        "state": intent.state.value,
        "prepared": dict(intent.prepared) if intent.prepared is not None else None,
        "transaction": intent.transaction or None,
        "captured": intent.captured.minor if intent.captured is not None else None,
        "captured_currency": intent.captured.currency if intent.captured is not None else None,
        "pay_time": intent.pay_time,
        "cause": intent.cause.value if intent.cause else None,
        "detail": intent.detail,
        "next_time": intent.next_time,
        "questions": intent.questions,
        "create_time": intent.create_time,
        "expire_time": intent.expire_time,
        "update_time": intent.update_time,
        "version": intent.version,
    }


def _intent(row: Row[*tuple[Any, ...]]) -> PaymentIntent:
    return PaymentIntent(
        id=row.id,
        order=row.order_id,
        provider=row.provider,
        scene=Scene(row.scene),
        amount=Money(row.amount, row.currency),
        reference=row.reference,
        merchant=row.merchant,
        state=IntentState(row.state),
        create_time=row.create_time,
        expire_time=row.expire_time,
        update_time=row.update_time,
        prepared=row.prepared,
        transaction=row.transaction or "",
        captured=Money(row.captured, row.captured_currency) if row.captured is not None else None,
        pay_time=row.pay_time,
        cause=IntentCause(row.cause) if row.cause else None,
        detail=row.detail,
        next_time=row.next_time,
        questions=row.questions,
        version=row.version,
    )
