"""What becomes of haggles with their orders: paid, given up. The caller has locked the orders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit import names
from services.orders.domain.bargain import PATTERN, Haggle, HaggleState
from services.orders.domain.order import Order


class Haggles(Protocol):
    """The stored haggles."""

    def lock(self, ids: Iterable[UUID]) -> dict[UUID, Haggle]:
        """Those of the haggles that exist; nobody else changes them until the transaction ends."""

    def save(self, changed: Sequence[Haggle]) -> None:
        """Store locked haggles."""


class Work(Protocol):
    """What these use-cases need of a unit of work."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def haggles(self) -> Haggles:
        """The stored haggles."""


def pay(unit: Work, orders: Sequence[Order]) -> None:
    """The orders of haggles are paid."""
    _step(unit, orders, lambda haggle: haggle.pay(unit.now))


def release(unit: Work, orders: Sequence[Order]) -> None:
    """The orders of haggles were given up: these go on."""
    _step(unit, orders, lambda haggle: haggle.cancel(unit.now))


def _step(unit: Work, orders: Sequence[Order], step: Callable[[Haggle], Haggle]) -> None:
    ids = {order.id: names.parse(PATTERN, order.activity)["haggle"] for order in orders}
    locked = unit.haggles.lock(set(ids.values()))
    ordered = [locked[haggle] for order, haggle in ids.items() if locked[haggle].order == order]
    unit.haggles.save([step(haggle) for haggle in ordered if haggle.state is HaggleState.ORDERED])
