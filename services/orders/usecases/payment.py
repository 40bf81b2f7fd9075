"""Payment: take the money outside, then tell the order. Telling is set-oriented."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

from kit.errors import Fault
from kit.money import Money
from services.orders.domain import stock
from services.orders.domain.events import OrderPaid
from services.orders.domain.order import Order
from services.orders.domain.payment import Tender
from services.orders.domain.stock import Movement
from services.orders.usecases.order import Work, check_version, existing


@dataclass(frozen=True, slots=True)
class PayOrder:
    """Pay an order in full; `version`, if given, must be the latest."""

    order_id: UUID
    tender: Tender
    amount: Money
    reference: str
    version: int | None

    def captured(self, reference: str) -> PayOrder:
        """With the reference of the provider's receipt."""
        return replace(self, reference=reference)


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
    orders = unit.orders.lock(sorted({command.order_id for command in commands}))
    outcomes: list[Order | Fault] = []
    changes: list[tuple[Order, Order]] = []
    facts: list[OrderPaid] = []
    movements: list[Movement] = []
    for command in commands:
        try:
            order = existing(orders, command.order_id)
            check_version(order, command.version)
            paid, fact = order.pay(command.tender, command.amount, reference=command.reference, now=unit.now)
        except Fault as fault:
            outcomes.append(fault)
            continue
        orders[order.id] = paid
        outcomes.append(paid)
        changes.append((order, paid))
        facts.append(fact)
        movements += stock.commit(order.id, order.demand())
    if changes:
        unit.orders.save(changes)
        unit.stocks.apply(movements, unit.now)
        unit.emit(facts)
    return outcomes
