"""The rules of engagement: read them, change them; and what all activities that earn by them have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from kit.errors import Fault, etag_mismatch
from kit.page import Page
from kit.posting import Cause
from services.members.domain import errors
from services.members.domain.audit import NOBODY, Author, settings_act
from services.members.domain.badge import BadgeAward, Metric
from services.members.domain.daily_limit import DailyLimit, Origin, uses
from services.members.domain.engagement import EngagementPolicy
from services.members.domain.errors.engagement import daily_limit_reached
from services.members.usecases import badge, points
from services.members.usecases.engagement_ports import EngagementUnit
from services.members.usecases.points import Accrue, Batch
from services.members.usecases.ports import Unit

NAME = "engagementPolicies/default"

_KEPT = timedelta(days=7)
"""How long counters of past days are kept, for those who look into a refusal."""
_SWEEP = 10_000


@dataclass(frozen=True, slots=True)
class UpdateEngagementPolicy:
    """Change rules: new values by the name of the policy's field. `version` is the one they were made for, None for
    any."""

    values: Mapping[str, Any]
    version: int | None = None
    author: Author = NOBODY


def get(unit: EngagementUnit) -> EngagementPolicy:
    """The rules now."""
    return unit.engagement_policies.current()


def update(unit: EngagementUnit, command: UpdateEngagementPolicy) -> EngagementPolicy:
    """Make a new version of the rules. Raises a Fault when they contradict each other or another one was faster."""
    current = unit.engagement_policies.lock()
    if command.version not in (None, current.version):
        raise etag_mismatch(NAME)
    changed = current.changed(replace(current, **command.values), unit.now)
    if changed is not current:
        unit.engagement_policies.add(changed)
        unit.audit.record(settings_act(command.author, NAME, current, changed))
    return changed


def lock(unit: Unit, origin: Origin) -> Origin:
    """Lock the wallet of the member who does something, or of the member into whom that one was merged.

    Answers the origin with the member that counts. Raises a Fault when there is no such member.
    """
    if not unit.wallets.lock([origin.member]):
        raise errors.member_not_found(origin.member)
    return replace(origin, member=unit.wallets.heir(origin.member))


def resolve(unit: Unit, member: UUID) -> UUID:
    """The member that a name leads to, which is another one after a merge. Raises a Fault when there is none."""
    if not unit.wallets.read([member]):
        raise errors.member_not_found(member)
    return unit.wallets.heir(member)


def today(unit: Unit) -> date:
    """The day in the programme's zone."""
    return unit.now.astimezone(unit.programmes.current().zone).date()


def limit(
    unit: EngagementUnit,
    activity: str,
    limits: Sequence[DailyLimit],
    *,
    origin: Origin,
    points: int,
    day: date | None = None,
) -> None:
    """Count an activity against its limits of the day, by default today. Raises a Fault when one would be passed."""
    if not limits:
        return
    passed = unit.daily_uses.take(uses(activity, limits, origin, day=day or today(unit), points=points))
    if passed:
        raise daily_limit_reached(activity, passed.scope.lower())


def grant(unit: EngagementUnit, grants: Sequence[Accrue]) -> None:
    """Give points, and no fewer than all of them, and the badges for them.

    Raises a Fault when a member does not exist.
    """
    grants = [each for each in grants if each.points]
    for outcome in points.accrue(unit, grants):
        if isinstance(outcome, Fault):
            raise outcome
    badge.award(unit, {unit.wallets.heir(each.member) for each in grants}, Metric.POINTS_EARNED)


def reclaim(unit: Unit, takes: Sequence[Accrue]) -> None:
    """Take back points that were given, from what their source granted first. Raises a Fault as `grant` does."""
    takes = [each for each in takes if each.points]
    batch = Batch(unit, {each.member for each in takes})
    batch.reclaiming((each.member, each.source, each.points) for each in takes)
    for each in takes:
        batch.earn(batch.wallet(each.member), -each.points, Cause("CLAWBACK", each.source, unit.now))
    batch.close()


def badges(unit: EngagementUnit, member: UUID, page: Page) -> Sequence[BadgeAward]:
    """A page of the badges that a member has, the newest first. Raises a Fault when there is no such member."""
    return unit.badges.awards(resolve(unit, member), page)


def forget_counters(unit: EngagementUnit) -> int:
    """Remove the counters of days long past; answers how many."""
    return unit.daily_uses.sweep((unit.now - _KEPT).date(), _SWEEP)
