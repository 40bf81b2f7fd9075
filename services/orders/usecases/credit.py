"""What exchanges passed on, on its way back: when a replacement gives back what came from an exchange."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit import names
from services.orders.domain.order import Order
from services.orders.domain.payment import Tender
from services.orders.domain.refund import Refund

_REFUND = "orders/{order}/refunds/{refund}"


class Orders(Protocol):
    """The stored orders."""

    def lock(self, ids: Sequence[UUID]) -> dict[UUID, Order]:
        """Those of the orders that exist; nobody else changes them until the transaction ends."""

    def save(self, changes: Sequence[tuple[Order, Order]]) -> None:
        """Store orders as (before, after)."""


class Refunds(Protocol):
    """The stored refunds."""

    def add(self, refunds: Sequence[Refund]) -> None:
        """Store new refunds, and how their money goes back."""


class Work(Protocol):
    """What this needs of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def orders(self) -> Orders:
        """The stored orders."""

    @property
    def refunds(self) -> Refunds:
        """The stored refunds."""

    def new_id(self) -> UUID:
        """An id for what comes into being."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts with the transaction."""


@dataclass(frozen=True, slots=True)
class _Back:
    """Minor units that an order gives back of what an exchange, a refund of `order`, had passed on to it."""

    order: UUID
    exchange: str
    replacement: UUID
    minor: int


def pass_back(unit: Work, given: Iterable[tuple[Order, Refund]]) -> None:
    """Refunds gave back what exchanges had passed on: it goes to the payments of the orders that were exchanged. If one
    of these was a replacement itself, on to those before it."""
    waiting = _passed_on(given)
    while waiting:
        before = unit.orders.lock(sorted({each.order for each in waiting}))
        after, made, facts = dict(before), list[Refund](), list[object]()
        for each in waiting:
            after[each.order], refund, fact = after[each.order].return_credit(
                unit.new_id(), each.minor, exchange=each.exchange, replacement=each.replacement, now=unit.now
            )
            made.append(refund)
            facts.append(fact)
        unit.orders.save([(order, after[order_id]) for order_id, order in before.items()])
        unit.refunds.add(made)
        unit.emit(facts)
        waiting = _passed_on((after[refund.order], refund) for refund in made)


def _passed_on(given: Iterable[tuple[Order, Refund]]) -> list[_Back]:
    return [
        _Back(names.parse(_REFUND, exchange)["order"], exchange, order.id, payout.amount.minor)
        for order, refund in given
        for payout in refund.payouts
        if payout.tender is Tender.EXCHANGE
        for exchange in [order.payments[payout.payment - 1].reference]
    ]
