"""What an order takes again that was closed when its money came: its units of an activity, or its seat, as whoever buys
now would, and its stock. The caller has locked the order, and stores it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from services.orders.domain.order import Order
from services.orders.usecases import bargain, flash_sale_purchase, group, holding


class Work(flash_sale_purchase.Work, group.Work, bargain.Work, Protocol):
    """What this needs of a unit of work."""


def take(unit: Work, reopened: Order) -> Order:
    """Take all of it for an order that waits for its payment once more. Raises a Fault, and takes nothing, when some of
    it can't be had: the activity is over, or others have what became free."""
    for kind, retake in _ACTIVITIES.items():
        if reopened.activity.startswith(kind):
            return retake(unit, reopened)
    return holding.reserve_one(unit, reopened)


_ACTIVITIES: dict[str, Callable[[Work, Order], Order]] = {
    "flashSales/": flash_sale_purchase.retake,
    "groupBuys/": group.retake,
    "bargains/": bargain.retake,
}
