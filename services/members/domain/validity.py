"""From when points can be spent, and until when: calendar arithmetic in the programme's own time zone.

Instants are half-open: points count from `available_time` on, and are gone at `expire_time`. Days are those of the
calendar on the programme's wall, not spans of 24 hours, so that a change of the clocks moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Expiry(StrEnum):
    """What a validity is counted in."""

    NEVER = "NEVER"
    DAYS = "DAYS"
    """The same time of day, so many days later."""
    END_OF_DAY = "END_OF_DAY"
    """The end of the day that is so many days later; 0 is the day itself."""
    END_OF_MONTH = "END_OF_MONTH"
    """The end of the month that is so many months later; 0 is the month itself."""
    END_OF_YEAR = "END_OF_YEAR"
    """The end of the year that is so many years later; 0 is the year itself."""


_LONGEST = {Expiry.DAYS: 36_500, Expiry.END_OF_DAY: 36_500, Expiry.END_OF_MONTH: 1_200, Expiry.END_OF_YEAR: 100}
"""A hundred years, in what a validity is counted in; the calendar ends some day."""


@dataclass(frozen=True, slots=True)
class Validity:
    """How long points are good for, counted from the moment they can be spent."""

    expiry: Expiry = Expiry.NEVER
    count: int = 0

    @property
    def longest(self) -> int:
        """How many there may be at most."""
        return _LONGEST.get(self.expiry, self.count)

    def ends(self, start: datetime, zone: ZoneInfo) -> datetime | None:
        """The first instant at which points that start at `start` are gone; None for never."""
        local = start.astimezone(zone)
        match self.expiry:
            case Expiry.NEVER:
                return None
            case Expiry.DAYS:
                return days_later(start, self.count, zone)
            case Expiry.END_OF_DAY:
                return midnight(local.date() + timedelta(days=self.count + 1), zone)
            case Expiry.END_OF_MONTH:
                years, month = divmod(local.month + self.count, 12)
                return midnight(date(local.year + years, month + 1, 1), zone)
            case Expiry.END_OF_YEAR:
                return midnight(date(local.year + self.count + 1, 1, 1), zone)


FOR_EVER = Validity()
"""Points that never expire."""


class Start(StrEnum):
    """When earned points can be spent."""

    IMMEDIATE = "IMMEDIATE"
    DAYS = "DAYS"
    """So many days after the purchase, at the same time of day."""
    COMPLETION = "COMPLETION"
    """Once the order is completed."""


@dataclass(frozen=True, slots=True)
class Availability:
    """How long points are pending."""

    start: Start = Start.IMMEDIATE
    days: int = 0

    def begins(self, earned: datetime, completed: datetime | None, zone: ZoneInfo) -> datetime | None:
        """The instant from which points can be spent that were earned at `earned`; None while that is not known."""
        match self.start:
            case Start.IMMEDIATE:
                return earned
            case Start.DAYS:
                return days_later(earned, self.days, zone)
            case Start.COMPLETION:
                return completed


AT_ONCE = Availability()
"""Points that can be spent as soon as they are earned."""


def days_later(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same time of day, so many calendar days later. A time that the clocks skip is taken as if they had not."""
    local = start.astimezone(zone)
    return (local + timedelta(days=days)).astimezone(UTC)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
