"""Payment intents inside transactions: made, answered, decided. The provider is asked elsewhere, in `paying`.

Locks: the order's row first, then the intent's. Whoever has the order's row decides between paying, cancelling and
expiring; what comes later finds the decision made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from kit import names
from kit.errors import Fault, etag_mismatch
from kit.money import Money
from kit.page import Page
from services.orders.domain.errors import payments as errors
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState, Step
from services.orders.domain.payment_intent import IntentCause, IntentState, PaymentIntent
from services.orders.domain.provider import Scene, Standing, Status
from services.orders.domain.provider_refund import ProviderRefund, ProviderRefundCause
from services.orders.usecases import late_money, retaking
from services.orders.usecases import order as orders
from services.orders.usecases.payment import ReceivePayment, receive_payments

PAYABLE_FOR = timedelta(hours=2)
"""How long an intent may be paid when its order waits without end."""


class PaymentIntents(Protocol):
    """The stored intents."""

    def add(self, intent: PaymentIntent) -> None:
        """Store a new intent."""

    def get(self, intent_id: UUID) -> PaymentIntent | None:
        """An intent."""

    def of_reference(self, provider: str, reference: str) -> PaymentIntent | None:
        """The intent that a provider knows by a reference."""

    def of_transaction(self, provider: str, transaction: str) -> PaymentIntent | None:
        """The intent whose money is this transaction of a provider."""

    def lock(self, intent_id: UUID) -> PaymentIntent:
        """An intent that is there; nobody else changes it until the transaction ends."""

    def pending(self, order_id: UUID) -> Sequence[PaymentIntent]:
        """The intents of an order that may still be paid."""

    def due(self, now: datetime, limit: int) -> Sequence[PaymentIntent]:
        """Intents whose provider is to be asked; locked, those that others lock are passed over."""

    def hasten(self, now: datetime) -> int:
        """Let those be closed at once that nobody should pay any more; answers how many."""

    def save(self, intent: PaymentIntent) -> None:
        """Store an intent over any earlier version of it. Raises a Fault if it has changed since it was read."""

    def page(
        self, order_id: UUID | None, state: IntentState | None, page: Page, *, org: str = ""
    ) -> list[PaymentIntent]:
        """The intents of a page and one more if there are more, the latest first; of one order or of all."""


class ProviderRefunds(Protocol):
    """The stored money on its way back."""

    def add(self, refund: ProviderRefund) -> bool:
        """Store money that goes back; answers False if it does so already."""


class Checkouts(orders.Checkouts, late_money.Checkouts, Protocol):
    """The stored attempts to check out."""


class Work(retaking.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def checkouts(self) -> Checkouts:
        """The stored attempts to check out."""

    @property
    def payment_intents(self) -> PaymentIntents:
        """The stored intents."""

    @property
    def provider_refunds(self) -> ProviderRefunds:
        """The stored money on its way back."""


@dataclass(frozen=True, slots=True)
class CreateIntent:
    """Pay what can be paid of an order now, or a `part` of it, to a `merchant` of the provider."""

    intent_id: UUID
    order_id: UUID
    provider: str
    scene: Scene
    part: Money | None
    merchant: str


@dataclass(frozen=True, slots=True)
class ResolveIntent:
    """Decide for a parked intent: its money pays the order, or goes back. `version`, if given, must be the latest."""

    order_id: UUID
    intent_id: UUID
    accept: bool
    version: int | None


@dataclass(frozen=True, slots=True)
class PaymentSaid:
    """How a charge stands, in a provider's own words; `merchant` is whom a notice was about."""

    provider: str
    standing: Standing
    merchant: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """An intent whose provider is to be asked; `closing` says why it should not be paid any more, if so."""

    intent: PaymentIntent
    closing: IntentCause | None


def create_intent(unit: Work, command: CreateIntent) -> PaymentIntent:
    """Store the wish that a provider take money. The intents of an order that can be paid never sum to more than is
    outstanding. Raises a Fault when they would, or the order is not to be paid."""
    order = orders.existing(unit.orders.lock([command.order_id]), command.order_id)
    amount, outstanding = _due(order, command, unit.now)
    if amount.minor + sum(each.amount.minor for each in unit.payment_intents.pending(order.id)) > outstanding.minor:
        raise errors.payment_under_way(order.id)
    intent = PaymentIntent.create(
        command.intent_id,
        order=order.id,
        provider=command.provider,
        scene=command.scene,
        amount=amount,
        merchant=command.merchant,
        now=unit.now,
        expire_time=order.expire_time or unit.now + PAYABLE_FOR,
    )
    unit.payment_intents.add(intent)
    return intent


def check_due(unit: Work, command: CreateIntent) -> None:
    """Raise a Fault when that can't be paid of an order, whatever else is being paid of it: before that is closed."""
    _due(orders.existing(unit.orders.get([command.order_id]), command.order_id), command, unit.now)


def _due(order: Order, command: CreateIntent, now: datetime) -> tuple[Money, Money]:
    """What is to be paid, and what can be paid now."""
    order.check_payable(now)
    outstanding = order.money(order.payable(now))
    amount = command.part or outstanding
    if amount.currency != order.currency or not 0 < amount.minor <= outstanding.minor:
        raise errors.amount_not_due(outstanding, amount)
    return amount, outstanding


def get_intent(unit: Work, order_id: UUID, intent_id: UUID) -> PaymentIntent:
    """Read an intent."""
    return _existing(unit.payment_intents.get(intent_id), order_id, intent_id)


def list_intents(
    unit: Work, order_id: UUID | None, state: IntentState | None, page: Page, *, org: str = ""
) -> list[PaymentIntent]:
    """A page of intents, and one more if there are more."""
    if order_id is not None:
        orders.existing(unit.orders.get([order_id]), order_id)
    return unit.payment_intents.page(order_id, state, page, org=org)


def pending_intents(unit: Work, order_id: UUID) -> Sequence[PaymentIntent]:
    """The intents of an order that may still be paid."""
    return unit.payment_intents.pending(order_id)


def due_intents(unit: Work, limit: int) -> list[Due]:
    """Take intents whose provider is to be asked; nobody else takes them before their next time comes."""
    due = unit.payment_intents.due(unit.now, limit)
    waiting = unit.orders.get([intent.order for intent in due]) if due else {}
    for intent in due:
        unit.payment_intents.save(intent.asked(unit.now))
    return [Due(intent, _closing(intent, waiting[intent.order], unit.now)) for intent in due]


def hasten_intents(unit: Work) -> int:
    """Let intents be closed at once whose order is paid otherwise, or cancelled; answers how many."""
    return unit.payment_intents.hasten(unit.now)


def _closing(intent: PaymentIntent, order: Order, now: datetime) -> IntentCause | None:
    if now >= intent.expire_time:
        return IntentCause.EXPIRED
    return None if order.state is OrderState.PENDING_PAYMENT else IntentCause.CANCELLED


def keep_answer(unit: Work, intent_id: UUID, prepared: Mapping[str, str]) -> PaymentIntent:
    """The provider said how to pay. Its notice may have been faster; then that stands."""
    intent = unit.payment_intents.lock(intent_id)
    answered = intent.answered(prepared, unit.now)
    if answered is not intent:
        unit.payment_intents.save(answered)
    return answered


def keep_refusal(unit: Work, intent_id: UUID, code: str) -> PaymentIntent:
    """The provider will not take the money."""
    intent = unit.payment_intents.lock(intent_id)
    if intent.pending:
        intent = intent.fail(code, unit.now)
        unit.payment_intents.save(intent)
    return intent


def close_intent(unit: Work, intent_id: UUID, cause: IntentCause) -> PaymentIntent:
    """The provider made sure that it can't be paid. One that is decided already stays as it is."""
    intent = unit.payment_intents.lock(intent_id)
    if intent.pending:
        intent = intent.close(cause, unit.now)
        unit.payment_intents.save(intent)
    return intent


def check_cancel(unit: Work, command: orders.CancelOrder) -> None:
    """Raise a Fault when an order can't be given up: before its intents are closed."""
    order = orders.existing(unit.orders.get([command.order_id]), command.order_id)
    orders.check_version(order, command.version)
    order.check(Step.CANCEL)


def cancel_order(unit: Work, command: orders.CancelOrder) -> Order:
    """Give up an order whose intents were closed. Raises a Fault when one was made meanwhile."""
    orders.existing(unit.orders.lock([command.order_id]), command.order_id)
    if unit.payment_intents.pending(command.order_id):
        raise errors.payment_under_way(command.order_id)
    return orders.cancel_order(unit, command)


def settle_payment(unit: Work, said: PaymentSaid) -> PaymentIntent | None:
    """Do what a provider's word calls for, once however often it is said; None for a reference that is not ours."""
    found = unit.payment_intents.of_reference(said.provider, said.standing.reference)
    if found is None:
        return None
    order = orders.existing(unit.orders.lock([found.order]), found.order)
    intent = unit.payment_intents.lock(found.id)
    if said.standing.status is Status.SUCCEEDED:
        return _taken(unit, order, intent, said)
    settled = _unpaid(intent, said.standing.status, unit.now)
    if settled is not intent:
        unit.payment_intents.save(settled)
    return settled


def resolve_intent(unit: Work, command: ResolveIntent) -> PaymentIntent:
    """Do what a person decided about a parked intent."""
    order = orders.existing(unit.orders.lock([command.order_id]), command.order_id)
    known = _existing(unit.payment_intents.get(command.intent_id), command.order_id, command.intent_id)
    intent = unit.payment_intents.lock(known.id)
    if command.version is not None and command.version != intent.version:
        raise etag_mismatch(_name(intent.order, intent.id))
    if intent.state is not IntentState.PARKED:
        raise errors.intent_state_invalid(intent.order, intent.id, intent.state)
    if not command.accept:
        return give_back(unit, intent, IntentCause.OPERATOR)
    revived = _revived(unit, order, intent)
    if revived is not None:
        return revived
    refusal = _receive(unit, order, intent)
    if isinstance(refusal, Fault):
        raise refusal
    accepted = intent.capture(unit.now)
    unit.payment_intents.save(accepted)
    return accepted


def _unpaid(intent: PaymentIntent, status: Status, now: datetime) -> PaymentIntent:
    if not intent.pending:
        return intent
    if status is Status.FAILED:
        return intent.fail(status.value, now)
    # A provider may not know an intent yet that is being prepared; once its time is over it never will.
    if status is Status.CLOSED or (status is Status.NOT_FOUND and now >= intent.expire_time):
        return intent.close(IntentCause.EXPIRED if now >= intent.expire_time else IntentCause.CANCELLED, now)
    return intent


def _taken(unit: Work, order: Order, intent: PaymentIntent, said: PaymentSaid) -> PaymentIntent:
    """The provider took money: it pays the order, or goes back, or a person decides."""
    standing = said.standing
    if intent.received:
        if intent.transaction and standing.transaction not in {"", intent.transaction}:
            _return_duplicate(unit, intent, standing)
        return intent
    taken = intent.took(standing, unit.now)
    cause = taken.objection(standing, said.merchant)
    if cause is None and unit.payment_intents.of_transaction(said.provider, standing.transaction) is not None:
        cause, taken = IntentCause.TRANSACTION_REUSED, replace(taken, transaction="", detail=standing.transaction)
    if cause is not None:
        parked = taken.park(cause, unit.now)
        unit.payment_intents.save(parked)
        return parked
    revived = _revived(unit, order, taken)
    if revived is not None:
        return revived
    refusal = _receive(unit, order, taken)
    if refusal is not None:
        late = order.state is OrderState.CANCELLED
        return give_back(unit, taken, IntentCause.ORDER_CLOSED if late else IntentCause.NOTHING_DUE)
    paid = taken.capture(unit.now)
    unit.payment_intents.save(paid)
    return paid


def _revived(unit: Work, order: Order, intent: PaymentIntent) -> PaymentIntent | None:
    """The intent when its money is to bring back an order that had held something in other services; None if not."""
    if not late_money.begin(unit, order, intent):
        return None
    revived = intent.revive(unit.now)
    unit.payment_intents.save(revived)
    return revived


def _receive(unit: Work, order: Order, intent: PaymentIntent) -> Fault | None:
    """Let the money pay the order, also one that was closed if all that it had can be had again; or why it can't."""
    payment = intent.payment()
    if order.state is OrderState.CANCELLED:
        refusal = _reopen(unit, order, payment.amount)
        if refusal is not None:
            return refusal
    (outcome,) = receive_payments(unit, [ReceivePayment(order.id, payment)])
    if isinstance(outcome, Fault):
        if order.state is OrderState.CANCELLED:
            raise outcome  # it was opened a moment ago: nothing of that may stand
        return outcome
    return None


def _reopen(unit: Work, order: Order, amount: Money) -> Fault | None:
    """Take again all that a closed order had, if this money pays for it whole."""
    try:
        taken = retaking.take(unit, order.reopen(amount, unit.now))
    except Fault as fault:
        if fault.transient:
            raise
        return fault
    unit.orders.save([(order, taken)])
    return None


def give_back(unit: Work, intent: PaymentIntent, cause: IntentCause) -> PaymentIntent:
    """Let the money of a locked intent go back whole."""
    returned = intent.give_back(cause, unit.now)
    unit.payment_intents.save(returned)
    if returned.captured:
        unit.provider_refunds.add(
            ProviderRefund.of(
                unit.new_id(), returned, returned.captured, cause=ProviderRefundCause.RETURNED, now=unit.now
            )
        )
    return returned


def _return_duplicate(unit: Work, intent: PaymentIntent, standing: Standing) -> None:
    """The provider took the same charge once more, in another transaction: that one goes back whole."""
    twice = replace(intent, transaction=standing.transaction, captured=standing.amount or intent.captured)
    assert twice.captured is not None  # noqa: S101 - the intent was received
    unit.provider_refunds.add(
        ProviderRefund.of(unit.new_id(), twice, twice.captured, cause=ProviderRefundCause.DUPLICATE, now=unit.now)
    )


def _existing(intent: PaymentIntent | None, order_id: UUID, intent_id: UUID) -> PaymentIntent:
    if intent is None or intent.order != order_id:
        raise errors.intent_not_found(_name(order_id, intent_id))
    return intent


def _name(order_id: UUID, intent_id: UUID) -> str:
    return names.join("orders", order_id, "paymentIntents", intent_id)
