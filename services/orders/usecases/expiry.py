"""Timers: orders that nobody paid in time, and attempts to check out that are long over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.orders.domain.order_state import CancelReason
from services.orders.usecases import checkout_view
from services.orders.usecases import order as orders

KEPT = timedelta(days=30)
"""How long a checkout that has ended is remembered."""

_FORGOTTEN_AT_ONCE = 10_000


class Orders(orders.Orders, Protocol):
    """The stored orders."""

    def overdue(self, now: datetime, limit: int) -> Sequence[UUID]:
        """Orders that could be paid until now or earlier; locked, those that others lock are passed over."""


class Work(orders.Work, Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""


def expire_orders(unit: Work, limit: int) -> int:
    """Cancel up to `limit` orders whose time to pay is over; answers how many."""
    overdue = unit.orders.overdue(unit.now, limit)
    if not overdue:
        return 0
    found = unit.orders.get(overdue)
    return len(orders.give_up(unit, [found[order_id] for order_id in overdue], CancelReason.EXPIRED))


def forget_attempts(unit: checkout_view.Work) -> None:
    """Forget attempts to check out that are long over."""
    unit.checkouts.prune(unit.now - KEPT, _FORGOTTEN_AT_ONCE)
