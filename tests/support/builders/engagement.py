"""Rules of engagement, check-ins and receipts, with sensible values for all that a test does not care about."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from services.members.domain.check_in import CheckInRules, MakeUpRules, MissedDay, StreakBonus
from services.members.domain.daily_limit import DailyLimit, Scope
from services.members.domain.engagement import EngagementPolicy
from tests.support.builders.members import NOW

TODAY = NOW.date()


def days(*offsets: int) -> set[date]:
    """Days, counted from the first of January 2024 (a leap year)."""
    return {date(2024, 1, 1) + timedelta(days=offset) for offset in offsets}


def check_in_rules(
    points: int = 1,
    bonuses: dict[int, int] | None = None,
    *,
    cycle: int = 0,
    make_up: MakeUpRules | None = None,
    missed: MissedDay = MissedDay.RESET,
    limits: tuple[DailyLimit, ...] = (),
) -> CheckInRules:
    """A point a day and ten more on each 7th day of a streak, but for what is given."""
    steps = {7: 10} if bonuses is None else bonuses
    given = tuple(StreakBonus(day, bonus) for day, bonus in sorted(steps.items()))
    return CheckInRules(points, given, cycle, missed, make_up, limits)


def make_up(*, within: int = 7, per_month: int = 3, price: int = 0) -> MakeUpRules:
    """Missed days of a week can be filled."""
    return MakeUpRules(within, per_month, price)


def limit(scope: str, *, count: int = 0, points: int = 0) -> DailyLimit:
    """A limit of a day."""
    return DailyLimit(Scope(scope), count, points)


def policy(**rules: Any) -> EngagementPolicy:
    """A policy with these rules, all else switched off."""
    return EngagementPolicy(1, NOW, **rules)
