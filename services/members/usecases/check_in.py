"""Check in, fill a missed day, read the calendar. A member's wallet is locked first, so a day is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID

from kit import names
from kit.errors import Fault
from services.members.domain.badge import Metric
from services.members.domain.check_in import CheckIn, CheckInRules, check_make_up
from services.members.domain.daily_limit import Origin
from services.members.domain.engagement_events import CheckedIn
from services.members.domain.errors.engagement import check_in_day_invalid, engagement_disabled
from services.members.usecases import badge, engagement, points
from services.members.usecases.engagement_ports import EngagementUnit
from services.members.usecases.points import Accrue, Spend

ACTIVITY = "check-in"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MakeUp:
    """Fill a missed day of a member."""

    member: UUID
    day: date


@dataclass(frozen=True, slots=True)
class Month:
    """The month of a member's calendar that is asked for; None for the present one."""

    member: UUID
    first: date | None


class Calendar(NamedTuple):
    """A month of check-ins, and the streak as it stands today."""

    member: UUID
    first: date
    check_ins: Sequence[CheckIn]
    streak: int
    checked_in_today: bool
    make_ups_left: int


def check_in(unit: EngagementUnit, origin: Origin) -> CheckIn:
    """Check a member in for today; once more on the same day answers the same and gives nothing.

    Raises a Fault when there is no such member, check-ins are switched off, or a daily limit would be passed.
    """
    rules, today = _rules(unit), engagement.today(unit)
    origin = engagement.lock(unit, origin)
    days = unit.check_ins.days(origin.member)
    if today in days:
        return _one(unit, origin.member, today)
    done = CheckIn.today(origin.member, today, days, rules=rules, now=unit.now)
    engagement.limit(unit, ACTIVITY, rules.limits, origin=origin, points=done.points, day=today)
    return _keep(unit, done)


def make_up(unit: EngagementUnit, command: MakeUp) -> CheckIn:
    """Fill a missed day; a day that is filled answers the same and costs nothing.

    Raises a Fault when the day can't be filled (any more), or the member hasn't the points that it costs.
    """
    rules, today, day = _rules(unit), engagement.today(unit), command.day
    if rules.make_up is None:
        raise engagement_disabled("check-in make-up")
    member = engagement.lock(unit, Origin(command.member)).member
    days = unit.check_ins.days(member)
    if day in days:
        return _filled(unit, member, day)
    first = day.replace(day=1)
    made_up = sum(each.made_up for each in unit.check_ins.read(member, first, _next_month(first)))
    check_make_up(rules.make_up, day, today=today, joined=_joined(unit, member), made_up=made_up)
    done = CheckIn.fill(member, day, days, rules=rules, now=unit.now)
    if rules.make_up.price:
        outcome = points.spend(unit, [Spend(member, rules.make_up.price, source(done))])[0]
        if isinstance(outcome, Fault):
            raise outcome
    return _keep(unit, done)


def calendar(unit: EngagementUnit, month: Month) -> Calendar:
    """A month of check-ins. Raises a Fault when there is no such member, or check-ins are switched off."""
    rules, today = _rules(unit), engagement.today(unit)
    member = engagement.resolve(unit, month.member)
    first = (month.first or today).replace(day=1)
    found = unit.check_ins.read(member, first, _next_month(first))
    days = unit.check_ins.days(member)
    made_up = sum(each.made_up for each in found)
    left = max(0, rules.make_up.per_month - made_up) if rules.make_up else 0
    return Calendar(member, first, found, rules.streak(days, today), today in days, left)


def source(check_in: CheckIn) -> str:
    """What the points of a check-in come from, as the ledger names it."""
    return names.join("members", check_in.member, "checkIns", check_in.day.isoformat())


def _keep(unit: EngagementUnit, done: CheckIn) -> CheckIn:
    unit.check_ins.add(done)
    engagement.grant(unit, [Accrue(done.member, done.points, source(done))])
    unit.emit([CheckedIn(done.member, done.day, done.streak, done.points)])
    badge.award(unit, [done.member], Metric.CHECK_INS)
    return done


def _one(unit: EngagementUnit, member: UUID, day: date) -> CheckIn:
    return unit.check_ins.read(member, day, day + _DAY)[0]


def _filled(unit: EngagementUnit, member: UUID, day: date) -> CheckIn:
    known = _one(unit, member, day)
    if not known.made_up:
        raise check_in_day_invalid(day, "the member checked in on it")
    return known


def _rules(unit: EngagementUnit) -> CheckInRules:
    rules = unit.engagement_policies.current().check_in
    if rules is None:
        raise engagement_disabled(ACTIVITY)
    return rules


def _joined(unit: EngagementUnit, member: UUID) -> date:
    known = unit.members.read([member])[member]
    return known.enroll_time.astimezone(unit.programmes.current().zone).date()


def _next_month(first: date) -> date:
    return (first + 31 * _DAY).replace(day=1)
