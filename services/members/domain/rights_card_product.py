"""Kinds of rights cards: which benefits, for how long, at what price."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kit import names
from kit.money import Money
from services.members.domain.benefit_period import Period, days_later
from services.members.domain.errors import rights_card as errors


@dataclass(frozen=True, slots=True)
class Benefit:
    """Something that may be used `quota` times in each period."""

    id: str
    display_name: str
    quota: int
    period: Period


@dataclass(frozen=True, slots=True)
class RightsCardProduct:
    """One version of a kind of card. Cards keep the version by which each of their terms was paid."""

    id: UUID
    version: int
    display_name: str
    benefits: tuple[Benefit, ...]
    validity_days: int
    time_zone: str
    price: Money | None
    grace_days: int
    retired: bool
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """`rightsCardProducts/{id}`."""
        return names.join("rightsCardProducts", self.id)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of its periods."""
        return ZoneInfo(self.time_zone)

    @property
    def grace(self) -> timedelta:
        """For how long a card that renews by itself lasts beyond its end."""
        return timedelta(days=self.grace_days)

    def end(self, start: datetime) -> datetime:
        """Until when a term lasts that begins then."""
        return days_later(start, self.validity_days, self.zone)

    def benefit(self, benefit: str) -> Benefit:
        """The benefit with an id. Raises a Fault when there is none."""
        for each in self.benefits:
            if each.id == benefit:
                return each
        raise errors.benefit_not_found(benefit)

    def need_offered(self) -> None:
        """Raise a Fault when no more cards of the kind are given."""
        if self.retired:
            raise errors.product_retired(self.id)

    def changed(self, other: RightsCardProduct, now: datetime) -> RightsCardProduct:
        """The next version, with the other's terms; the same one when they are equal. Raises a Fault for bad terms."""
        other = replace(other, version=self.version, update_time=self.update_time)
        if other == self:
            return self
        other.check()
        return replace(other, version=self.version + 1, update_time=now)

    def check(self) -> None:
        """Raise a Fault unless it makes sense."""
        if not self.display_name:
            raise errors.product_invalid("display_name", "must not be empty")
        if not self.benefits:
            raise errors.product_invalid("benefits", "must not be empty")
        if self.validity_days <= 0:
            raise errors.product_invalid("validity_days", "must be at least one")
        if self.price is not None and self.price.minor <= 0:
            raise errors.product_invalid("price", "must be more than nothing")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise errors.product_invalid("time_zone", "must be a time zone such as Asia/Shanghai") from None
        seen: set[str] = set()
        for index, benefit in enumerate(self.benefits):
            if benefit.id in seen:
                raise errors.product_invalid(f"benefits[{index}].id", "must be another than the ones before")
            seen.add(benefit.id)
