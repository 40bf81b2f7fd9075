"""What tiers go by: what is measured, in which window, how a tier is lost, and what it is good for."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.members.domain.validity import midnight

PAR = 10_000
"""A multiplier in basis points that changes nothing."""

MAX_GRACE_DAYS = 180
"""Shorter than any period, so that a grace is over before the next evaluation."""


class Metric(StrEnum):
    """What is summed up. Never what a member has left to spend: redeeming points demotes nobody."""

    SPENT = "SPENT"
    """What is left of purchases after refunds, at the date of the purchase."""
    EARNED = "EARNED"
    """Points that purchases have earned, at the date of the purchase."""
    GROWTH = "GROWTH"
    """Growth value, at its effective time."""


class Window(StrEnum):
    """Over which time it is summed up. Periods begin at midnight in the programme's time zone."""

    ROLLING = "ROLLING"
    """So many times 24 hours, up to the moment looked at."""
    CALENDAR_YEAR = "CALENDAR_YEAR"
    """Since the first of January."""
    ANNIVERSARY = "ANNIVERSARY"
    """Since the last anniversary of the day on which the member joined; that of 29 February is 28 February."""
    LIFETIME = "LIFETIME"
    """Since ever; what was lost by then shows at the turn of the year."""


class Downgrade(StrEnum):
    """What happens at an evaluation that finds a member below the tier."""

    REQUALIFY = "REQUALIFY"
    """The member has the tier that the window reaches."""
    ONE_DOWN = "ONE_DOWN"
    """The member falls by one tier at most."""
    KEEP = "KEEP"
    """Nothing: who has reached a tier keeps it."""


@dataclass(frozen=True, slots=True)
class Benefits:
    """What a tier is good for; other services read it. `multiplier` is that of points, in basis points."""

    multiplier: int = PAR
    free_shipping: bool = False
    birthday_gift: str = ""
    service_level: str = ""
    extras: tuple[tuple[str, str], ...] = ()


NO_BENEFITS = Benefits()


@dataclass(frozen=True, slots=True)
class TierScheme:
    """How tiers are reached and lost. As it stands here: by the spend of a rolling window, kept for one window more."""

    metric: Metric = Metric.SPENT
    window: Window = Window.ROLLING
    downgrade: Downgrade = Downgrade.REQUALIFY
    grace_days: int = 0

    @property
    def grace(self) -> timedelta:
        """How long a tier that was not reached again is kept."""
        return timedelta(days=self.grace_days)

    def falls_to(self, level: int, reached: int) -> int:
        """The level after an evaluation that found `reached` where the member had `level`."""
        if reached >= level or self.downgrade is Downgrade.KEEP:
            return level
        return max(reached, level - 1) if self.downgrade is Downgrade.ONE_DOWN else reached


ROLLING_SPEND = TierScheme()
"""What a new installation begins with."""


class Period(NamedTuple):
    """From its start up to, but without, its end, which is when tiers are evaluated."""

    start: datetime
    end: datetime


def period_of(window: Window, moment: datetime, zone: ZoneInfo, joined: datetime | None = None) -> Period:
    """The period in which a moment lies, for a window that is not rolling. Who joined when is not known joined in
    January."""
    born = joined.astimezone(zone).date() if joined and window is Window.ANNIVERSARY else date(2000, 1, 1)
    year = moment.astimezone(zone).year
    start = _begin(year, born.month, born.day, zone)
    if moment < start:
        return Period(_begin(year - 1, born.month, born.day, zone), start)
    return Period(start, _begin(year + 1, born.month, born.day, zone))


@lru_cache(maxsize=4096)
def _begin(year: int, month: int, day: int, zone: ZoneInfo) -> datetime:
    """When a day begins, as an instant of UTC; 29 February is 28 February where there is none."""
    return midnight(date(year, month, min(day, monthrange(year, month)[1])), zone)
