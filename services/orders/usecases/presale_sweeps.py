"""Presales by the clock: reminders of the balance, and what a cancelled presale leads to. Set-oriented, and safe in any
number of workers. A balance that nobody pays ends its order as any time to pay does (`expiry`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.events import PresaleBalanceClosing, PresaleBalanceOpened
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.presale_order import PresaleOrder
from services.orders.usecases import order as orders
from services.orders.usecases import presale_parts


class PresaleOrders(presale_parts.PresaleOrders, Protocol):
    """The stored orders of presales."""

    def due(self, now: datetime, limit: int) -> list[PresaleOrder]:
        """Those whose members are to be reminded; locked, those that others lock are passed over."""

    def unpaid_of_cancelled(self, limit: int) -> list[UUID]:
        """Orders of cancelled presales that are not paid in full."""


class Work(orders.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def presale_orders(self) -> PresaleOrders:
        """The stored orders of presales."""


def remind(unit: Work, limit: int) -> int:
    """Tell up to `limit` members that their balance can be paid, or soon can no more; answers how many."""
    due = unit.presale_orders.due(unit.now, limit)
    if not due:
        return 0
    reminded = [each.remind(unit.now) for each in due]
    unit.presale_orders.save([each for each, _ in reminded])
    unit.emit(
        PresaleBalanceClosing(each) if closing else PresaleBalanceOpened(each)
        for each, closing in reminded
        if unit.now < each.balance_end
    )
    return len(due)


def settle_cancelled(unit: Work, limit: int) -> int:
    """Give up to `limit` orders of cancelled presales up, by the merchant: everything that was paid goes back. Answers
    how many."""
    wanted: Sequence[UUID] = unit.presale_orders.unpaid_of_cancelled(limit)
    if not wanted:
        return 0
    locked = unit.orders.lock(sorted(wanted)).values()
    waiting = [order for order in locked if order.state is OrderState.PENDING_PAYMENT]
    if waiting:
        orders.give_up(unit, waiting, CancelReason.MERCHANT)
    return len(waiting)
