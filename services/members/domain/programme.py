"""The loyalty programme: how points are earned, what they are worth, which tiers there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from kit.money import LIMIT, Money
from services.members.domain import errors
from services.members.domain.points import MAX_POINTS
from services.members.domain.validity import AT_ONCE, FOR_EVER, Availability, Validity

BASE = "base"
"""The tier of who has reached none."""

_MOST_HELD = 10**9


@dataclass(frozen=True, slots=True)
class Rate:
    """So many points for so much money."""

    points: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier, and the spend within the window that it takes."""

    id: str
    threshold: Money


@dataclass(frozen=True, slots=True)
class Programme:
    """One version of the rules. Versions are kept: an order's points follow the version it first earned by."""

    version: int
    earn: Rate
    redeem: Rate
    tiers: tuple[Tier, ...]
    window: timedelta
    update_time: datetime
    time_zone: str = "UTC"
    validity: Validity = FOR_EVER
    availability: Availability = AT_ONCE
    refund_grace_days: int | None = None
    """How long points stay that come back after they would have expired; None lets them expire."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the programme's calendar."""
        return ZoneInfo(self.time_zone)

    @property
    def currency(self) -> str:
        """The currency that points are earned in; spend in another one neither earns nor counts."""
        return self.earn.amount.currency

    def earned(self, net: Money) -> int:
        """The points for an order of which `net` is left: for every whole amount of the earn rate.

        Raises a Fault for more points than one posting may move.
        """
        if net.currency != self.currency:
            return 0
        points = net.minor // self.earn.amount.minor * self.earn.points
        if points > MAX_POINTS:
            raise errors.points_out_of_range(points)
        return points

    def worth(self, points: int) -> Money:
        """What points are worth when redeemed, in whole minor units, rounded down."""
        return Money(points * self.redeem.amount.minor // self.redeem.points, self.redeem.amount.currency)

    def changed(self, other: Programme, now: datetime) -> Programme:
        """The next version, with the other's rules; the same one when the rules are equal.

        Raises a Fault when the rules contradict each other.
        """
        other = replace(other, version=self.version, update_time=self.update_time)
        if other == self:
            return self
        other.check()
        return replace(other, version=self.version + 1, update_time=now)

    def check(self) -> None:
        """Raise a Fault unless the rules fit together."""
        amounts = {"earn.amount": self.earn.amount, "redeem.amount": self.redeem.amount}
        amounts |= {f"tiers[{index}].threshold": tier.threshold for index, tier in enumerate(self.tiers)}
        for field, amount in amounts.items():
            if amount.currency != self.currency:
                raise errors.programme_invalid(field, f"must be in {self.currency}, like the earn rate")
            if amount.minor <= 0:
                raise errors.programme_invalid(field, "must be more than nothing")
        if self.worth(_MOST_HELD).minor >= LIMIT:
            raise errors.programme_invalid("redeem", "makes a point worth more than an amount can say")
        if self.window % timedelta(days=1):
            raise errors.programme_invalid("tier_window", "must be whole days")
        self._check_tiers()

    def _check_tiers(self) -> None:
        names = [BASE]
        for index, tier in enumerate(self.tiers):
            if tier.id in names:
                raise errors.programme_invalid(f"tiers[{index}].id", "must be another than base and the tiers before")
            if index and tier.threshold <= self.tiers[index - 1].threshold:
                raise errors.programme_invalid(f"tiers[{index}].threshold", "must be more than the tier's before")
            names.append(tier.id)
