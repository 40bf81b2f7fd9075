"""The loyalty programme: how points are earned, what they are worth, which tiers there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from kit.money import LIMIT, Money
from services.members.domain import errors
from services.members.domain.basket import EVERYTHING, Scope
from services.members.domain.points import MAX_POINTS, UNIT, Terms
from services.members.domain.points_as_cash import FREE_USE, CashRules
from services.members.domain.rule import BASE_RULE, NO_CAPS, Caps, Rate, Rounding, Rule
from services.members.domain.tier_scheme import MAX_GRACE_DAYS, NO_BENEFITS, ROLLING_SPEND, Benefits, Metric, TierScheme
from services.members.domain.validity import AT_ONCE, FOR_EVER, Availability, Start, Validity, days_later

__all__ = ["BASE", "DEFAULT", "Programme", "Rate", "Tier", "in_force", "programme_of", "unit_of"]

BASE = "base"
"""The tier of who has reached none."""

DEFAULT = "default"
"""The programme that every installation has. Its tiers are the members' tiers."""

_MOST_HELD = 10**9


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier, what it takes within the window (money when the spend is measured, or else points), and its benefits."""

    id: str
    threshold: Money | int
    benefits: Benefits = NO_BENEFITS

    @property
    def least(self) -> int:
        """What it takes, in the units that are summed up."""
        return self.threshold.minor if isinstance(self.threshold, Money) else self.threshold


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
    scheme: TierScheme = ROLLING_SPEND
    growth: Rate | None = None
    """How orders earn growth value; None when they don't."""
    id: str = DEFAULT
    display_name: str = ""
    active: bool = True
    """Whether new orders earn in it."""
    rules: tuple[Rule, ...] = ()
    """What orders earn beside the rate, the most important rule first."""
    rounding: Rounding = Rounding.WHOLE_AMOUNTS
    scope: Scope = EVERYTHING
    """Which goods earn at all."""
    freight_earns: bool = False
    caps: Caps = NO_CAPS
    """The most points of all rules and the rate together."""
    cash: CashRules = FREE_USE
    expiry_notice_days: int = 30
    """How long before points expire their owners are told; 0 for never."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the programme's calendar."""
        return ZoneInfo(self.time_zone)

    def terms(self, earned: datetime, *, completed: datetime | None = None) -> Terms:
        """From when and until when points count that an order earned at `earned`, and that is completed or not yet."""
        start = self.availability.begins(earned, completed, self.zone)
        return self.terms_until(start, self.validity.ends(start, self.zone) if start else None)

    def terms_at_once(self, time: datetime) -> Terms:
        """Until when points count that can be spent from `time` on, whatever orders have to wait for."""
        return self.terms_until(time, self.validity.ends(time, self.zone))

    def grace(self, now: datetime) -> Terms | None:
        """Until when points count that come back after they would have expired; None: they are gone."""
        if self.refund_grace_days is None:
            return None
        return self.terms_until(now, days_later(now, self.refund_grace_days, self.zone))

    def terms_until(self, start: datetime | None, end: datetime | None) -> Terms:
        """From when until when points count that end at an instant of their own, and when their owners are told."""
        told = end is not None and self.expiry_notice_days
        return Terms(start, end, days_later(end, -self.expiry_notice_days, self.zone) if end and told else None)

    @property
    def plain(self) -> bool:
        """Whether orders earn by the rate and what is left of them alone, without a look at anything else."""
        return (
            not self.rules
            and self.scope.everything
            and self.caps == NO_CAPS
            and self.rounding is Rounding.WHOLE_AMOUNTS
        )

    @property
    def waits_for_completion(self) -> bool:
        """Whether the points of an order are pending until it is completed."""
        return self.availability.start is Start.COMPLETION

    def capped(self, most: int | None) -> Programme:
        """These rules for an order that may earn no more than `most`, if that is less than it may anyway."""
        if most is None or (self.caps.order is not None and self.caps.order <= most):
            return self
        return replace(self, caps=replace(self.caps, order=most))

    @property
    def currency(self) -> str:
        """The currency that points are earned in; spend in another one neither earns nor counts."""
        return self.earn.amount.currency

    @property
    def asks_for_member(self) -> bool:
        """Whether a condition may speak of the member."""
        return any("member" in rule.condition for rule in self.rules)

    @property
    def asks_for_first(self) -> bool:
        """Whether a condition may ask for a member's first purchase."""
        return any("first_purchase" in rule.condition for rule in self.rules)

    @property
    def shares_caps(self) -> bool:
        """Whether a member's orders share a cap."""
        return self.caps.shared or any(rule.caps.shared for rule in self.rules)

    def earns_in(self, currency: str) -> bool:
        """Whether orders of the currency earn."""
        return self.active and currency == self.currency

    def earned(self, net: Money) -> int:
        """The points for an order of which `net` is left: for every whole amount of the earn rate.

        Raises a Fault for more points than one posting may move.
        """
        if not self.earns_in(net.currency):
            return 0
        points = net.minor // self.earn.amount.minor * self.earn.points
        if points > MAX_POINTS:
            raise errors.points_out_of_range(points)
        return points

    def grown(self, net: Money) -> int:
        """The growth value of an order of which `net` is left."""
        if self.growth is None or net.currency != self.currency:
            return 0
        return net.minor // self.growth.amount.minor * self.growth.points

    def benefits(self, tier: str) -> Benefits:
        """What a tier is good for; `base` and unknown ones for nothing."""
        return next((each.benefits for each in self.tiers if each.id == tier), NO_BENEFITS)

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
        self._check_rates()
        if self.validity.count > self.validity.longest:
            raise errors.programme_invalid("validity.count", f"must be at most {self.validity.longest}")
        if self.worth(_MOST_HELD).minor >= LIMIT:
            raise errors.programme_invalid("redeem", "makes a point worth more than an amount can say")
        if self.window % timedelta(days=1):
            raise errors.programme_invalid("tier_window", "must be whole days")
        self._check_rules()
        self._check_tiers()

    def _check_rates(self) -> None:
        rates = {"earn": self.earn, "redeem": self.redeem} | ({"growth": self.growth} if self.growth else {})
        for field, rate in rates.items():
            if rate.amount.currency != self.currency:
                raise errors.programme_invalid(f"{field}.amount", f"must be in {self.currency}, like the earn rate")
            if rate.amount.minor <= 0:
                raise errors.programme_invalid(f"{field}.amount", "must be more than nothing")
            if rate.points <= 0:
                raise errors.programme_invalid(f"{field}.points", "must be more than none")

    def _check_rules(self) -> None:
        names = [BASE_RULE]
        for index, rule in enumerate(self.rules):
            if rule.id in names:
                raise errors.programme_invalid(f"rules[{index}].id", "must be another than base and the rules before")
            rule.check(f"rules[{index}]", self.currency)
            names.append(rule.id)
        if self.id != DEFAULT and (self.tiers or self.growth):
            raise errors.programme_invalid("tiers", "only programmes/default has tiers and growth value")
        if self.time_zone not in available_timezones():
            raise errors.programme_invalid("time_zone", "must be a name of the IANA time zone database")

    def _check_tiers(self) -> None:
        if self.tiers and self.scheme.metric is Metric.EARNED:
            self._check_circle()
        if not 0 <= self.scheme.grace_days <= MAX_GRACE_DAYS:
            raise errors.programme_invalid("tier_scheme.grace_days", f"must be 0 to {MAX_GRACE_DAYS}")
        names, least = [BASE], 0
        for index, tier in enumerate(self.tiers):
            if tier.id in names:
                raise errors.programme_invalid(f"tiers[{index}].id", "must be another than base and the tiers before")
            self._check_threshold(tier, f"tiers[{index}]")
            if len(dict(tier.benefits.extras)) < len(tier.benefits.extras):
                raise errors.programme_invalid(f"tiers[{index}].benefits.extras", "must have each key once")
            if tier.least <= least:
                kind = "threshold" if isinstance(tier.threshold, Money) else "points"
                raise errors.programme_invalid(f"tiers[{index}].{kind}", "must be more than the tier's before")
            names.append(tier.id)
            least = tier.least

    def _check_circle(self) -> None:
        """Tiers that go by points earned can't decide about the points that are earned: a tier would follow from the
        points of before, and these from the tier, differently for each order in which the news may come."""
        for index, rule in enumerate(self.rules):
            if rule.asks_for_tier:
                field = f"rules[{index}].condition"
                raise errors.programme_invalid(field, "must not ask for member.tier while tiers go by points earned")

    def _check_threshold(self, tier: Tier, field: str) -> None:
        if self.scheme.metric is not Metric.SPENT:
            if isinstance(tier.threshold, Money):
                raise errors.programme_invalid(f"{field}.points", "must be given, for tiers go by points")
        elif not isinstance(tier.threshold, Money):
            raise errors.programme_invalid(f"{field}.threshold", "must be given, for tiers go by the spend")
        elif tier.threshold.currency != self.currency:
            raise errors.programme_invalid(f"{field}.threshold", f"must be in {self.currency}, like the earn rate")


def in_force(versions: Mapping[int, Programme], time: datetime) -> Programme:
    """The version of a programme by which things were judged at an instant; the first one before there was any."""
    made = [number for number, version in versions.items() if version.update_time <= time]
    return versions[max(made, default=min(versions))]


def programme_of(unit: str) -> str:
    """The id of the programme whose points a unit counts."""
    return DEFAULT if unit == UNIT else unit.removeprefix(f"{UNIT}/")


def unit_of(programme: str) -> str:
    """The unit that counts the points of a programme."""
    return UNIT if programme == DEFAULT else f"{UNIT}/{programme}"
