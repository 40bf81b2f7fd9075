"""Payment: take the money outside, then tell the order. Telling is set-oriented."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from uuid import UUID

from kit.errors import Fault
from kit.money import Money
from services.orders.domain.events import OrderPaid
from services.orders.domain.order import Order
from services.orders.domain.payment import Payment, Tender
from services.orders.usecases import consequences, holding
from services.orders.usecases.order import Work, check_version, existing


@dataclass(frozen=True, slots=True)
class PaidPart:
    """Money that was taken beside another part."""

    tender: Tender
    amount: Money
    reference: str


@dataclass(frozen=True, slots=True)
class PayOrder:
    """Pay an order in full, with `more` parts at the same moment perhaps; `version`, if given, must be the latest.
    A `partial` payment may leave something to pay."""

    order_id: UUID
    tender: Tender
    amount: Money
    reference: str
    version: int | None
    more: tuple[PaidPart, ...] = ()
    partial: bool = False

    def captured(self, reference: str) -> PayOrder:
        """With the reference of the provider's receipt."""
        return replace(self, reference=reference)


@dataclass(frozen=True, slots=True)
class ReceivePayment:
    """Money for an order that came in elsewhere."""

    order_id: UUID
    payment: Payment


class PaymentProvider(Protocol):
    """Whoever takes the money for a tender. It is asked before the order is told, outside any transaction."""

    async def capture(self, command: PayOrder) -> str:
        """Take the money, at most once per order; answers the reference of the receipt. Raises a Fault if refused."""


class ManualPayment:
    """Somebody saw the money (cash, a transfer, a card terminal) and says so: there is nothing to take."""

    async def capture(self, command: PayOrder) -> str:
        """The reference that was given."""
        return command.reference


def pay_orders(unit: Work, commands: Sequence[PayOrder]) -> list[Order | Fault]:
    """Mark orders as paid and take their units from stock. Each has its own outcome."""

    def pay(order: Order, command: PayOrder) -> tuple[Order, OrderPaid | None]:
        check_version(order, command.version)
        parts = [PaidPart(command.tender, command.amount, command.reference), *command.more]
        payments = [Payment(part.tender, part.amount, part.reference, unit.now) for part in parts]
        if not command.partial:
            return order.pay_with(payments, now=unit.now)
        order.check_payable(unit.now)
        return order.receive(payments, now=unit.now)

    return _each(unit, commands, pay)


def receive_payments(unit: Work, commands: Sequence[ReceivePayment]) -> list[Order | Fault]:
    """Add money that came in to its orders; those that nothing is outstanding of are paid, and their units leave the
    stock. What was told before changes nothing.

    An order that is closed, or waits for less, refuses (ORDER_STATE_INVALID, OVERPAID, AMOUNT_MISMATCH for another
    currency): then nothing of the payment is stored, and the caller decides what becomes of the money.
    """
    return _each(unit, commands, lambda order, command: order.receive([command.payment], now=unit.now))


class _Command(Protocol):
    @property
    def order_id(self) -> UUID: ...


C = TypeVar("C", bound=_Command)


def _each(
    unit: Work, commands: Sequence[C], act: Callable[[Order, C], tuple[Order, OrderPaid | None]]
) -> list[Order | Fault]:
    before = unit.orders.lock(sorted({command.order_id for command in commands}))
    after = dict(before)
    outcomes: list[Order | Fault] = []
    facts: list[OrderPaid] = []
    for command in commands:
        try:
            order, fact = act(existing(after, command.order_id), command)
        except Fault as fault:
            outcomes.append(fault)
            continue
        after[order.id] = order
        outcomes.append(order)
        if fact is not None:
            facts.append(fact)
    changes = [(before[order_id], order) for order_id, order in after.items() if order is not before[order_id]]
    if changes:
        unit.orders.save(changes)
        consequences.received(unit, changes)
    if facts:
        paid = [fact.order for fact in facts]
        holding.commit(unit, paid, beside=consequences.paid(unit, paid))
        unit.emit(facts)
    return outcomes
