"""Badges: define them, give them to who reaches the count, list them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from kit import names
from kit.errors import not_found
from kit.page import Page
from services.members.domain.audit import NOBODY, Author, settings_act
from services.members.domain.badge import Badge, Metric
from services.members.domain.engagement_events import BadgeAwarded
from services.members.usecases.engagement_ports import EngagementUnit


@dataclass(frozen=True, slots=True)
class CreateBadge:
    """A new badge."""

    id: UUID
    display_name: str
    metric: Metric
    threshold: int
    author: Author = NOBODY


def create(unit: EngagementUnit, command: CreateBadge) -> Badge:
    """Make a badge. Who has reached its count already gets it at the next thing that counts."""
    badge = Badge(command.id, command.display_name, command.metric, command.threshold, unit.now)
    unit.badges.save(badge)
    unit.audit.record(settings_act(command.author, _name(badge.id), None, badge))
    return badge


def get(unit: EngagementUnit, badge: UUID) -> Badge:
    """A badge. Raises a Fault when there is none."""
    known = unit.badges.read(badge)
    if known is None:
        raise not_found(_name(badge))
    return known


def retire(unit: EngagementUnit, badge: UUID, *, author: Author = NOBODY) -> Badge:
    """Give a badge to nobody any more. Raises a Fault when there is none."""
    before = get(unit, badge)
    retired = before.retired(unit.now)
    if retired != before:
        unit.badges.save(retired)
        unit.audit.record(settings_act(author, _name(badge), before, retired))
    return retired


def page(unit: EngagementUnit, page: Page) -> Sequence[Badge]:
    """A page of badges, the newest first."""
    return unit.badges.page(page)


def award(unit: EngagementUnit, members: Collection[UUID], metric: Metric) -> None:
    """Give members the badges whose count they have reached and which they don't have yet."""
    if not members or not unit.badges.wanted(metric):
        return
    given = unit.badges.award(unit.badges.counts(members, metric), metric, unit.now)
    unit.emit([BadgeAwarded(member, badge, unit.now) for member, badge in given])


def _name(badge: UUID) -> str:
    return names.join("badges", badge)
