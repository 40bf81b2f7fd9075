"""Points for birthdays, by the clock, and for a complete profile, when a member is changed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from kit import names
from services.members.domain.celebration import BirthdayRules
from services.members.domain.member import Member
from services.members.usecases import engagement
from services.members.usecases.engagement_ports import EngagementUnit
from services.members.usecases.points import Accrue

_CATCH_UP_DAYS = 7
"""For how many past days birthdays are made up for, when no worker was there to celebrate."""
_ROUND = 500
"""Birthdays in one transaction."""


def congratulate(unit: EngagementUnit) -> int:
    """Give points to those who have a birthday and have none for this year; answers to how many.

    Members that another transaction works on are left to the next round, so any number of replicas may sweep.
    """
    rules = unit.engagement_policies.current().birthdays
    if rules is None:
        return 0
    for day, birthdays in rules.lately(engagement.today(unit), _CATCH_UP_DAYS):
        due = unit.celebrations.due(unit.members.born_on(birthdays), day.year, _ROUND)
        if due:
            return _give(unit, rules, due, day.year)
    return 0


def reward_profile(unit: EngagementUnit, member: Member) -> None:
    """Give the points of a complete profile, if it is complete and they were not given before."""
    rules = unit.engagement_policies.current().profiles
    if rules is None or not rules.complete(member.profile):
        return
    if unit.celebrations.complete(member.id, rules.points, unit.now):
        engagement.grant(unit, [Accrue(member.id, rules.points, names.join("members", member.id, "profile"))])


def _give(unit: EngagementUnit, rules: BirthdayRules, due: Sequence[UUID], year: int) -> int:
    free = unit.wallets.lock(due, wait=False)
    given = unit.celebrations.celebrate([member for member in due if member in free], year, rules.points, unit.now)
    engagement.grant(
        unit, [Accrue(member, rules.points, names.join("members", member, "birthdays", str(year))) for member in given]
    )
    return len(given)
