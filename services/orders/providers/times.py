"""Times as the providers write them: both live in China Standard Time, which knows no summer time since 1991."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
_BILLS = time(10)
_PLAIN = "%Y-%m-%d %H:%M:%S"


def plain(moment: datetime) -> str:
    """`2026-11-22 12:00:00`, by the clocks of China."""
    return moment.astimezone(CHINA).strftime(_PLAIN)


def from_plain(text: str) -> datetime:
    """The instant of a time by the clocks of China. Raises ValueError."""
    return datetime.strptime(text, _PLAIN).replace(tzinfo=CHINA).astimezone(UTC)


def rfc3339(moment: datetime) -> str:
    """`2026-11-22T12:00:00+08:00`."""
    return moment.astimezone(CHINA).isoformat(timespec="seconds")


def from_rfc3339(text: str) -> datetime:
    """The instant. Raises ValueError if it has no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)


def today(now: datetime) -> date:
    """The day it is in China."""
    return now.astimezone(CHINA).date()


def bill_due(day: date) -> datetime:
    """From when on a bill that isn't there means that nothing moved: ten o'clock of the next day."""
    return datetime.combine(day + timedelta(days=1), _BILLS, CHINA)
