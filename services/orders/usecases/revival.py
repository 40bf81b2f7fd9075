"""Bringing an order back that was closed when its money came: hold again what it had held, then its stock, and it lives
and is paid, as it was; or all of that is given back, and the money goes back whole.

What is held is written down step by step (`checkout`), under numbers of the attempt's own, and whichever replica takes
it up goes on. The transactions here lock the order, then the intent, then the attempt: whoever ends that decides.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from kit.errors import Fault, internal
from kit.telemetry import log
from services.orders.domain.checkout import Attempt, CheckoutState
from services.orders.domain.order import Order
from services.orders.domain.payment_intent import IntentCause, IntentState, PaymentIntent
from services.orders.domain.refund import Refund
from services.orders.usecases import checkout, order, payment_intent, refund_ports, retaking, tendering
from services.orders.usecases.checkout import Book, Holders
from services.orders.usecases.paying import Transactions
from services.orders.usecases.payment import ReceivePayment, receive_payments


class Orders(tendering.Orders, Protocol):
    """The stored orders."""

    def save_renewed(self, order: Order) -> None:
        """Store the new names of what is held for an order that was saved in this transaction."""


class Refunds(refund_ports.Refunds, Protocol):
    """The stored refunds."""

    def cancellation(self, order_id: UUID) -> Refund | None:
        """What the order gave back when it was last given up; nobody else changes it while the order is locked."""


class Checkouts(checkout.Checkouts, order.Checkouts, Protocol):
    """The stored attempts to check out."""


class Work(payment_intent.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def refunds(self) -> Refunds:
        """The stored refunds."""

    @property
    def checkouts(self) -> Checkouts:
        """The stored attempts to check out."""


class Revival:
    """Leads attempts to bring orders back, each as far as it comes; what fails for now is taken up again."""

    def __init__(self, transactions: Transactions, *, book: Book, holders: Holders) -> None:
        self._transactions = transactions
        self._book = book
        self._holders = holders

    async def __call__(self, attempt: Attempt) -> None:
        """Bring the order of an open attempt back, or give its money back."""
        if attempt.overdue:
            await self._give_up(attempt, "TIMED_OUT")
            return
        try:
            held = await checkout.hold(attempt, book=self._book, holders=self._holders)
            await self._transactions.write(revive, held)
        except Fault as fault:
            if fault.transient:
                log.warning("order not brought back yet", order=str(attempt.order), reason=fault.reason)
                return
            await self._give_up(attempt, fault.reason)

    async def _give_up(self, attempt: Attempt, reason: str) -> None:
        log.info("order not brought back", order=str(attempt.order), reason=reason)
        given = await self._transactions.write(give_up, attempt, reason)
        if given.state is CheckoutState.ABANDONED:
            await self._book.released(await checkout.release(given, self._holders))


def revive(unit: Work, held: Attempt) -> None:
    """Let an order live again with what an attempt holds for it, and be paid. Raises a Fault, and changes nothing, if
    it can't. If the attempt has ended, that stands."""
    closed, intent, attempt = _locked(unit, held)
    if attempt.state is not CheckoutState.OPEN:
        return
    renewed = {step.renews: step.hold for step in attempt.steps if step.renews and step.held}
    payment = intent.payment()
    reopened = retaking.take(unit, closed.reopen(payment.amount, unit.now, renewed=renewed))
    unit.orders.save([(closed, reopened)])
    unit.orders.save_renewed(reopened)
    cancellation = unit.refunds.cancellation(closed.id)
    if cancellation is not None:
        unit.refunds.save([(cancellation, cancellation.withdraw())], unit.now)
    (outcome,) = receive_payments(unit, [ReceivePayment(closed.id, payment)])
    if isinstance(outcome, Fault):
        raise outcome
    unit.payment_intents.save(intent.capture(unit.now))
    unit.checkouts.place([attempt.order_id], unit.now)


def give_up(unit: Work, attempt: Attempt, reason: str) -> Attempt:
    """Let an order stay closed: its money goes back, and what the attempt holds is to be released. If the attempt has
    ended, that stands; answers it."""
    _, intent, before = _locked(unit, attempt)
    after = before.give_up(reason, unit.now)
    unit.checkouts.save(before, after)
    if intent.state is IntentState.REVIVING and before.state is CheckoutState.OPEN:
        payment_intent.give_back(unit, intent, IntentCause.ORDER_CLOSED)
    return after


def _locked(unit: Work, attempt: Attempt) -> tuple[Order, PaymentIntent, Attempt]:
    if attempt.intent is None:
        raise internal()
    closed = order.existing(unit.orders.lock([attempt.order]), attempt.order)
    intent = unit.payment_intents.lock(attempt.intent)
    found = unit.checkouts.lock(attempt.order_id)
    if found is None:
        raise internal()
    return closed, intent, found
