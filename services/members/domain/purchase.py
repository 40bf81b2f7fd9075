"""What members keeps of an order: what is left of it, and the points it has earned.

Every event about an order says its whole present state and a version. The points that an order should have follow from
the newest state alone, so events may come twice, late, or in any order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit.money import Money
from services.members.domain.programme import Programme


@dataclass(frozen=True, slots=True)
class Settlement:
    """The state of a paid order, as an event tells it.

    `hold` is the hold on points that paid a part of it, `returned` the points given back by all refunds so far.
    """

    order: UUID
    member: UUID
    net: Money
    pay_time: datetime
    version: int
    hold: UUID | None = None
    returned: int = 0


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order of a member: the newest state known, the points earned by it, the version of the rules it earns by.

    `returned` are the points that had paid a part of it and were given back.
    """

    order: UUID
    member: UUID
    net: Money
    pay_time: datetime
    version: int
    rules: int
    earned: int = 0
    returned: int = 0

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
        )

    def told(self, settlement: Settlement) -> Purchase:
        """The purchase after a settlement; the same one when the settlement is not newer."""
        if settlement.version <= self.version:
            return self
        return replace(
            self,
            net=settlement.net,
            pay_time=settlement.pay_time,
            version=settlement.version,
            returned=max(self.returned, settlement.returned),  # a sum of refunds; a payment does not tell it
        )

    def earning(self, programme: Programme) -> tuple[Purchase, int]:
        """The purchase with the points it should have by its rules, and the difference to those it has."""
        points = programme.earned(self.net)
        return (self, 0) if points == self.earned else (replace(self, earned=points), points - self.earned)
