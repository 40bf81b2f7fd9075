"""Times as the providers write them: both live in China Standard Time, which knows no summer time since 1991."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
_PLAIN = "%Y-%m-%d %H:%M:%S"


def plain(time: datetime) -> str:
    """`2026-11-22 12:00:00`, by the clocks of China."""
    return time.astimezone(CHINA).strftime(_PLAIN)


def from_plain(text: str) -> datetime:
    """The instant of a time by the clocks of China. Raises ValueError."""
    return datetime.strptime(text, _PLAIN).replace(tzinfo=CHINA).astimezone(UTC)


def rfc3339(time: datetime) -> str:
    """`2026-11-22T12:00:00+08:00`."""
    return time.astimezone(CHINA).isoformat(timespec="seconds")


def from_rfc3339(text: str) -> datetime:
    """The instant. Raises ValueError if it has no zone."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time.astimezone(UTC)


def today(now: datetime) -> date:
    """The day it is in China."""
    return now.astimezone(CHINA).date()
