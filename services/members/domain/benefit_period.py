"""The periods in which uses of a benefit are counted: half-open, from midnight to midnight in a time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Period(StrEnum):
    """How long a count runs before it begins anew; TOTAL is as long as what was paid for."""

    TOTAL = "TOTAL"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"


def span(period: Period, moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The calendar period that a moment is in: from its first instant up to, without, that of the next one.

    Where the clocks skip midnight, a day begins at the instant of the skip; where midnight comes twice, at the first.
    """
    today = moment.astimezone(zone).date()
    first, following = _days(period, today)
    return _midnight(first, zone), _midnight(following, zone)


def days_later(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same time of day so many days later, as clocks in the zone show it."""
    local = moment.astimezone(zone)
    return (local + timedelta(days=days)).astimezone(UTC)


def _days(period: Period, today: date) -> tuple[date, date]:
    match period:
        case Period.DAY:
            return today, today + timedelta(days=1)
        case Period.WEEK:
            monday = today - timedelta(days=today.weekday())
            return monday, monday + timedelta(days=7)
        case Period.MONTH:
            first = today.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1)
        case Period.YEAR:
            return date(today.year, 1, 1), date(today.year + 1, 1, 1)
        case Period.TOTAL:
            raise ValueError("a total has no calendar")


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
