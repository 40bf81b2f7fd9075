"""What becomes of the orders of presales: deposit paid, paid, given up. The caller has locked the orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.orders.domain.events import PresaleDepositPaid
from services.orders.domain.order import Order
from services.orders.domain.presale_order import PresaleOrder


class Presales(Protocol):
    """The stored presales."""

    def free(self, units: Mapping[UUID, int]) -> None:
        """So many units of presales are not taken any more."""


class PresaleOrders(Protocol):
    """The stored orders of presales. Whoever has locked the order has locked its own here, too."""

    def of(self, orders: Sequence[UUID]) -> list[PresaleOrder]:
        """Those of orders; nobody else changes them until the transaction ends."""

    def save(self, changed: Sequence[PresaleOrder]) -> None:
        """Store changed ones."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def presales(self) -> Presales:
        """The stored presales."""

    @property
    def presale_orders(self) -> PresaleOrders:
        """The stored orders of presales."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


def receive_deposits(unit: Work, orders: Sequence[UUID]) -> None:
    """The deposits of orders have come in."""
    paid = [each.receive_deposit(unit.now) for each in unit.presale_orders.of(orders)]
    unit.presale_orders.save(paid)
    unit.emit(PresaleDepositPaid(each) for each in paid)


def pay(unit: Work, orders: Sequence[UUID]) -> None:
    """The orders are paid in full."""
    unit.presale_orders.save([each.pay(unit.now) for each in unit.presale_orders.of(orders)])


def release(unit: Work, orders: Sequence[Order]) -> None:
    """The orders were given up, which has decided what becomes of their deposits: their units are free again."""
    cancelled = {order.id: order for order in orders}
    ended = [each.cancel(cancelled[each.order], unit.now) for each in unit.presale_orders.of(sorted(cancelled))]
    unit.presale_orders.save(ended)
    free: Counter[UUID] = Counter()
    for each in ended:
        free[each.presale] += each.quantity
    unit.presales.free(free)
