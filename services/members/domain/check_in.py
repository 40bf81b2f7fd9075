"""Daily check-ins. A streak is a pure function of the days on which a member checked in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.members.domain.daily_limit import DailyLimit, check_limits
from services.members.domain.errors.engagement import check_in_day_invalid, engagement_invalid, make_ups_exhausted

_DAY = timedelta(days=1)


class MissedDay(StrEnum):
    """What a missed day does to a streak."""

    RESET = "RESET"
    CONTINUE = "CONTINUE"


@dataclass(frozen=True, slots=True)
class StreakBonus:
    """What the given day of a streak earns beside the points of every day."""

    day: int
    points: int


@dataclass(frozen=True, slots=True)
class MakeUpRules:
    """Missed days up to `within_days` back can be filled, `per_month` of each month, for `price` points."""

    within_days: int
    per_month: int
    price: int = 0


@dataclass(frozen=True, slots=True)
class CheckInRules:
    """What check-ins earn. `cycle_days` later a streak is counted from 1 again; 0 for never."""

    points: int
    bonuses: tuple[StreakBonus, ...] = ()
    cycle_days: int = 0
    missed_day: MissedDay = MissedDay.RESET
    make_up: MakeUpRules | None = None
    limits: tuple[DailyLimit, ...] = ()

    def check(self, field: str) -> None:
        """Raise a Fault when the rules contradict each other."""
        days = [bonus.day for bonus in self.bonuses]
        for index, day in enumerate(days):
            if index and day <= days[index - 1]:
                raise engagement_invalid(f"{field}.bonuses[{index}].day", "must be later than the one before")
            if self.cycle_days and day > self.cycle_days:
                raise engagement_invalid(f"{field}.bonuses[{index}].day", "must be within the cycle")
        if self.make_up and self.missed_day is not MissedDay.RESET:
            raise engagement_invalid(f"{field}.make_up", "is of no use when missed days don't reset the streak")
        check_limits(self.limits, f"{field}.limits")

    def streaks(self, days: Collection[date]) -> dict[date, int]:
        """Which day of its streak each of the days is; the first is 1."""
        found: dict[date, int] = {}
        before, length = None, 0
        for day in sorted(days):
            unbroken = before is not None and (self.missed_day is MissedDay.CONTINUE or day - before == _DAY)
            length = length + 1 if unbroken else 1
            found[day] = (length - 1) % self.cycle_days + 1 if self.cycle_days else length
            before = day
        return found

    def streak(self, days: Collection[date], today: date) -> int:
        """The streak as it stands: today's, or while today is missing the one that today's check-in goes on with."""
        known = self.streaks([day for day in days if day <= today])
        if today in known or not known:
            return known.get(today, 0)
        last = max(known)
        return known[last] if self.missed_day is MissedDay.CONTINUE or today - last == _DAY else 0

    def bonus(self, streak: int) -> int:
        """What a day of a streak earns beside the points of every day."""
        return sum(bonus.points for bonus in self.bonuses if bonus.day == streak)

    def bonuses_of(self, days: Collection[date]) -> int:
        """What all the streaks of these days are worth."""
        return sum(map(self.bonus, self.streaks(days).values()))


@dataclass(frozen=True, slots=True)
class CheckIn:
    """A day on which a member checked in: the streak that it reached, and what it gave, bonuses included."""

    member: UUID
    day: date
    streak: int
    points: int
    bonus: int
    create_time: datetime
    made_up: bool = False

    @classmethod
    def today(cls, member: UUID, today: date, days: Collection[date], *, rules: CheckInRules, now: datetime) -> CheckIn:
        """Check in today, after the given days."""
        streak = rules.streaks({*days, today})[today]
        bonus = rules.bonus(streak)
        return cls(member, today, streak, rules.points + bonus, bonus, now)

    @classmethod
    def fill(cls, member: UUID, missed: date, days: Collection[date], *, rules: CheckInRules, now: datetime) -> CheckIn:
        """Fill a missed day. It gives what the streaks of all days are worth more with it than they were without it."""
        filled = {*days, missed}
        bonus = max(0, rules.bonuses_of(filled) - rules.bonuses_of(days))
        return cls(member, missed, rules.streaks(filled)[missed], bonus, bonus, now, made_up=True)


def check_make_up(rules: MakeUpRules, missed: date, *, today: date, joined: date, made_up: int) -> None:
    """Raise a Fault unless the missed day may be filled; so many days of its month already are."""
    if missed >= today:
        raise check_in_day_invalid(missed, "it is not over yet")
    if missed < today - rules.within_days * _DAY:
        raise check_in_day_invalid(missed, f"it is more than {rules.within_days} days ago")
    if missed < joined:
        raise check_in_day_invalid(missed, "the member had not joined yet")
    if made_up >= rules.per_month:
        raise make_ups_exhausted(missed, rules.per_month)
