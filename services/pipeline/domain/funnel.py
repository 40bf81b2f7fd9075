"""The funnel: how opportunities come through the stages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kit.errors import invalid
from kit.money import Money


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked of history: who entered from `start` until before `end`, as known at `as_of`."""

    start: datetime | None
    end: datetime
    as_of: datetime

    @classmethod
    def of(cls, start: datetime | None, end: datetime | None, as_of: datetime | None, *, now: datetime) -> Window:
        """The window that a caller asks for. What is to come isn't known, so `as_of` is never after now."""
        known = now if as_of is None else min(as_of, now)
        window = cls(start, known if end is None else end, known)
        if window.start is not None and window.start > window.end:
            raise invalid("start_time", "must not be after the end of the window")
        return window


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """One stage: how many opportunities entered it in the window, how many of these ever came further, how long
    stays that began in the window last on average, and what is in it now."""

    stage: str
    entered: int
    advanced: int
    mean_time: timedelta | None
    open_count: int
    open_amounts: tuple[Money, ...]

    @property
    def conversion(self) -> float:
        """The share that came further, from 0 to 1."""
        return self.advanced / self.entered if self.entered else 0.0
