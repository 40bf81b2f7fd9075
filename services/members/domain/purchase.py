"""What members keeps of an order: what is left of it, and the points it has earned.

Every event about an order says its whole present state and a version. The points that an order should have follow from
the newest state alone, so events may come twice, late, or in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit import names
from kit.money import Money
from services.members.domain.basket import Basket, Left
from services.members.domain.programme import Programme


@dataclass(frozen=True, slots=True)
class Settlement:
    """The state of a paid order, as an event tells it.

    `hold` is the hold on points that paid a part of it, `returned` the points given back by all refunds so far.
    `basket` is what was bought, `left` what refunds left of it, if the event tells. `receipt` and `most` are those of
    a purchase.
    """

    order: UUID
    member: UUID
    net: Money
    pay_time: datetime
    version: int
    hold: UUID | None = None
    returned: int = 0
    basket: Basket | None = None
    left: Left | None = None
    complete_time: datetime | None = None
    receipt: str = ""
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order of a member: the newest state known, the points earned by it, the version of the rules it earns by.

    `returned` are the points that had paid a part of it and were given back. `rules` and `earned` are those of the
    default programme. `basket` is what was told of it first; it stays, unless an import tells of more than there was.

    A `receipt` that a member scanned is one as well: then this is the name of its claim, whose id stands for the order.
    `most` bounds what it earns in each programme.
    """

    order: UUID
    member: UUID
    net: Money
    pay_time: datetime
    version: int
    rules: int
    earned: int = 0
    returned: int = 0
    complete_time: datetime | None = None
    basket: Basket | None = None
    left: Left | None = None
    receipt: str = ""
    most: int | None = None

    @classmethod
    def first(cls, settlement: Settlement, programme: Programme) -> Purchase:
        """An order that nothing was known of; it keeps the rules of this moment. It has earned nothing yet."""
        return cls(
            settlement.order,
            settlement.member,
            settlement.net,
            settlement.pay_time,
            settlement.version,
            rules=programme.version,
            returned=settlement.returned,
            complete_time=settlement.complete_time,
            basket=settlement.basket or Basket(settlement.net.minor),
            left=settlement.left,
            receipt=settlement.receipt,
            most=settlement.most,
        )

    def told(self, settlement: Settlement) -> Purchase:
        """The purchase after a settlement; the same one when the settlement is not newer, and tells of no completion
        that is not known."""
        complete_time = self.complete_time or settlement.complete_time
        if settlement.version <= self.version:
            return self if complete_time == self.complete_time else replace(self, complete_time=complete_time)
        return replace(
            self,
            complete_time=complete_time,
            left=settlement.left,
            basket=settlement.basket if settlement.net.minor > self.net.minor else self.basket,  # it was imported anew
            net=settlement.net,
            pay_time=settlement.pay_time,
            version=settlement.version,
            returned=max(self.returned, settlement.returned),  # a sum of refunds; a payment does not tell it
        )

    def earning(self, programme: Programme) -> tuple[Purchase, int]:
        """The purchase with the points it should have by its rules, and the difference to those it has."""
        return self.earns(programme.earned(self.net))

    def earns(self, points: int) -> tuple[Purchase, int]:
        """The purchase with so many points, and the difference to those it has."""
        return (self, 0) if points == self.earned else (replace(self, earned=points), points - self.earned)

    def by(self, version: int, points: int) -> Purchase:
        """The purchase when it earns so many points by a version of the default programme."""
        return replace(self, rules=version, earned=points)

    @property
    def source(self) -> str:
        """What the points that it earns come from, as the ledger names it."""
        return self.receipt or names.join("orders", self.order)

    @property
    def has_freight(self) -> bool:
        """Whether it is known that a part of it was paid for the delivery."""
        return bool((self.basket and self.basket.freight) or (self.left and self.left.freight))

    @property
    def remaining(self) -> Left:
        """What refunds have left, as far as it was told."""
        return self.left or Left(self.net.minor)
