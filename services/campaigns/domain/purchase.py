"""A member's purchase, as the newest event of its order tells it.

Each event says the order's whole state and carries its version, so the newest one alone decides: in whatever order and
however often the events come, the result is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is left of an order in minor units, and when it was paid.

    It counts as a purchase from its payment on, also when it is worth nothing, until a refund leaves nothing of it.
    `origin` is the member who bought it, when `member` stands for that one: they were merged.
    """

    order: UUID
    member: UUID
    currency: str
    net: int
    pay_time: datetime
    counts: bool
    version: int
    origin: UUID | None = None

    def of(self, root: UUID | None) -> Purchase:
        """The purchase of the member who stands for its member, if another one does."""
        return self if root is None else replace(self, member=root, origin=self.member)


@dataclass(frozen=True, slots=True)
class Change:
    """A purchase as it was known before, if it was, and as it is known now."""

    before: Purchase | None
    after: Purchase


def newest(purchases: Iterable[Purchase]) -> list[Purchase]:
    """The newest state of each order, sorted by order."""
    latest: dict[UUID, Purchase] = {}
    for purchase in purchases:
        known = latest.get(purchase.order)
        if known is None or known.version < purchase.version:
            latest[purchase.order] = purchase
    return [latest[order] for order in sorted(latest)]
