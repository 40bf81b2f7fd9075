"""What stored value and gift cards paid of orders, settled by the news of orders: idempotent, whatever order they take.

An order that is paid spends what was held for it; one that is cancelled gives it back, but for a deposit that is kept,
which is spent; a refund tells how much of each payment came back by now. Money that was spent stays so, whatever older
news arrive: only refunds give it back then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kit.errors import Fault
from kit.money import Money
from services.members.domain.stored_payment import State
from services.members.usecases import stored_payment
from services.members.usecases.stored_payment import EndPayment
from services.members.usecases.stored_value_ports import StoredValueUnit


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """A payment from stored value or a gift card for an order: `paid` for good or given up, and how much of it came
    back by now."""

    payment: UUID
    paid: bool
    refunded: Money


def settle(unit: StoredValueUnit, news: Sequence[OrderMoney]) -> None:
    """Bring payments in line with the orders that they are for. Raises a Fault when there is no such payment, or what
    was held for a paid order was given back meanwhile and spent elsewhere."""
    if not news:
        return
    paid = {each.payment for each in news if each.paid}
    if paid:
        _raise(stored_payment.settle(unit, [EndPayment(payment) for payment in sorted(paid)]))
    given_up = {each.payment for each in news if not each.paid} - paid
    if given_up:
        held = [key for key, each in unit.stored_payments.read(given_up).items() if each.state is State.HELD]
        _raise(stored_payment.release(unit, [EndPayment(payment) for payment in sorted(held)]))
    refunded: dict[UUID, Money] = {}
    for each in news:
        if each.paid and each.refunded.minor > (refunded[each.payment].minor if each.payment in refunded else 0):
            refunded[each.payment] = each.refunded
    if refunded:
        stored_payment.refund_up_to(unit, refunded)


def _raise(outcomes: Sequence[object]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Fault):
            raise outcome
