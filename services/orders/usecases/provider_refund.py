"""Money on its way back, inside transactions. The provider is asked elsewhere, in `paying`.

Locks: the order's row first, then the refund's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit import names
from kit.page import Page
from services.orders.domain.errors import payments as errors
from services.orders.domain.payment_intent import TENDERS, PaymentIntent
from services.orders.domain.provider import RefundStanding
from services.orders.domain.provider_refund import (
    OwedRefund,
    ProviderRefund,
    ProviderRefundCause,
    ProviderRefundState,
)
from services.orders.domain.refund import PayoutStep, Refund
from services.orders.usecases import order as orders

_STEPS = {
    ProviderRefundState.SUCCEEDED: PayoutStep.SUCCEED,
    ProviderRefundState.FAILED: PayoutStep.FAIL,
    ProviderRefundState.PENDING: PayoutStep.RETRY,
}


class PaymentIntents(Protocol):
    """The stored intents."""

    def of_payments(self, owed: Sequence[OwedRefund]) -> Mapping[tuple[str, str], PaymentIntent]:
        """The intents whose money is to go back, by their tender and what the order knows the payment by."""


class ProviderRefunds(Protocol):
    """The stored money on its way back."""

    def add(self, refund: ProviderRefund) -> bool:
        """Store money that goes back; answers False if it does so already."""

    def owed(self, tenders: Sequence[str], limit: int) -> Sequence[OwedRefund]:
        """What orders give back through providers, and no provider was asked for yet."""

    def get(self, refund_id: UUID) -> ProviderRefund | None:
        """One refund."""

    def lock(self, refund_id: UUID) -> ProviderRefund | None:
        """One refund; nobody else changes it until the transaction ends."""

    def of_reference(self, provider: str, reference: str) -> ProviderRefund | None:
        """The refund that a provider knows by a reference."""

    def due(self, now: datetime, limit: int) -> Sequence[ProviderRefund]:
        """Refunds whose provider is to be asked; locked, those that others lock are passed over."""

    def save(self, refund: ProviderRefund) -> None:
        """Store a refund over any earlier version of it. Raises a Fault if it has changed since it was read."""

    def page(
        self, order_id: UUID | None, state: ProviderRefundState | None, page: Page, *, org: str = ""
    ) -> list[ProviderRefund]:
        """The refunds of a page and one more if there are more, the latest first; of one order or of all."""


class Refunds(orders.Refunds, Protocol):
    """The stored refunds of orders."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Refund]:
        """Those that exist; nobody else changes them until the transaction ends."""

    def save(self, changes: Sequence[tuple[Refund, Refund]], now: datetime) -> None:
        """Store locked refunds as (before, after): their state, and that of the money that goes back."""


class Work(orders.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def payment_intents(self) -> PaymentIntents:
        """The stored intents."""

    @property
    def provider_refunds(self) -> ProviderRefunds:
        """The stored money on its way back."""

    @property
    def refunds(self) -> Refunds:
        """The stored refunds of orders."""


@dataclass(frozen=True, slots=True)
class RefundSaid:
    """How money on its way back stands, in a provider's own words."""

    provider: str
    standing: RefundStanding


def adopt_refunds(unit: Work, limit: int) -> int:
    """Take over what orders give back through providers; answers how much of it."""
    owed = unit.provider_refunds.owed([tender.value for tender in TENDERS.values()], limit)
    if not owed:
        return 0
    intents = unit.payment_intents.of_payments(owed)
    for each in owed:
        intent = intents.get((each.tender, each.transaction))
        if intent is None:  # nobody here knows how that payment was taken
            _tell_order(unit, each.refund, each.position, PayoutStep.FAIL, "")
            continue
        refund = ProviderRefund.of(
            unit.new_id(),
            intent,
            each.amount,
            cause=ProviderRefundCause.ORDER_REFUND,
            now=unit.now,
            refund=each.refund,
            position=each.position,
        )
        unit.provider_refunds.add(refund)
    return len(owed)


def due_refunds(unit: Work, limit: int) -> list[ProviderRefund]:
    """Take refunds whose provider is to be asked; nobody else takes them before their next time comes."""
    leased = [refund.leased(unit.now) for refund in unit.provider_refunds.due(unit.now, limit)]
    for refund in leased:
        unit.provider_refunds.save(refund)
    return leased


def settle_refund(unit: Work, said: RefundSaid) -> ProviderRefund | None:
    """Do what a provider's word calls for, once however often it is said; None for a reference that is not ours."""
    found = unit.provider_refunds.of_reference(said.provider, said.standing.reference)
    if found is None:
        return None
    refund = _locked(unit, found)
    return _changed(unit, refund, refund.heard(said.standing, unit.now))


def note_refusal(unit: Work, refund_id: UUID, code: str) -> None:
    """The provider refused this time."""
    found = unit.provider_refunds.get(refund_id)
    if found is None:
        return
    refund = _locked(unit, found)
    if refund.state is ProviderRefundState.PENDING:
        _changed(unit, refund, refund.refused(code, unit.now))


def retry_refund(unit: Work, order_id: UUID, refund_id: UUID) -> ProviderRefund:
    """A person has a failed refund tried again."""
    found = unit.provider_refunds.get(refund_id)
    if found is None or found.order != order_id:
        raise errors.provider_refund_not_found(names.join("orders", order_id, "providerRefunds", refund_id))
    refund = _locked(unit, found)
    return _changed(unit, refund, refund.retry(unit.now))


def list_refunds(
    unit: Work, order_id: UUID | None, state: ProviderRefundState | None, page: Page, *, org: str = ""
) -> list[ProviderRefund]:
    """A page of refunds by providers, and one more if there are more."""
    if order_id is not None:
        orders.existing(unit.orders.get([order_id]), order_id)
    return unit.provider_refunds.page(order_id, state, page, org=org)


def _locked(unit: Work, found: ProviderRefund) -> ProviderRefund:
    if found.refund is not None:
        unit.orders.lock([found.order])
    locked = unit.provider_refunds.lock(found.id)
    assert locked is not None  # noqa: S101 - refunds are never deleted
    return locked


def _changed(unit: Work, before: ProviderRefund, after: ProviderRefund) -> ProviderRefund:
    if after is before:
        return before
    unit.provider_refunds.save(after)
    if after.refund is not None and after.position is not None and after.state is not before.state:
        _tell_order(unit, after.refund, after.position, _STEPS[after.state], after.transaction)
    return after


def _tell_order(unit: Work, refund_id: UUID, position: int, step: PayoutStep, reference: str) -> None:
    """The order's refund knows how far its money has come."""
    before = unit.refunds.lock([refund_id])[refund_id]
    after = before.settle(position, step, reference)
    if after is not before:
        unit.refunds.save([(before, after)], unit.now)
