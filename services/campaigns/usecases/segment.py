"""Create, change and read segments, and keep their members up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit import names
from kit.page import Page
from services.campaigns.domain import errors
from services.campaigns.domain import rule as rules
from services.campaigns.domain import segment as domain
from services.campaigns.domain.events import EntryCause
from services.campaigns.domain.profile import Profile
from services.campaigns.domain.rule import Rule
from services.campaigns.domain.segment import Judgement, Membership, Segment
from services.campaigns.usecases import automation, etag
from services.campaigns.usecases.automation import NewId
from services.campaigns.usecases.ports import Work

_BUILT_AT_ONCE = 5000
_DUE_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Create:
    """A new segment; `id` is chosen by the edge."""

    id: UUID
    display_name: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Update:
    """New values for a segment; None leaves a value as it is."""

    id: UUID
    expected: int | None
    display_name: str | None
    rule: Rule | None


def create(unit: Work, command: Create) -> Segment:
    """Create a segment; its members are found by `build`. Raises a Fault when its rule makes no sense."""
    segment = Segment(command.id, command.display_name, command.rule, unit.now, unit.now).checked()
    unit.segments.change_rules()
    unit.segments.add(segment)
    return segment


def get(unit: Work, segment: UUID) -> Segment:
    """A segment. Raises a Fault when there is none."""
    found = unit.segments.find(segment)
    if found is None:
        raise errors.segment_not_found(segment)
    return found


def page(unit: Work, wanted: Page) -> Sequence[Segment]:
    """A page of segments, newest first."""
    return unit.segments.page(wanted)


def update(unit: Work, command: Update) -> Segment:
    """Change a segment. Raises a Fault when there is none, it has changed, or its rule makes no sense."""
    unit.segments.change_rules()
    found = unit.segments.lock(command.id)
    if found is None:
        raise errors.segment_not_found(command.id)
    etag.check(command.expected, found.version, names.join("segments", found.id))
    changed = found.changed(
        display_name=found.display_name if command.display_name is None else command.display_name,
        rule=found.rule if command.rule is None else command.rule,
        now=unit.now,
    )
    unit.segments.save(changed)
    return changed


def preview(unit: Work, rule: Rule) -> tuple[int, int]:
    """How many members satisfy a rule, and how many have a profile. Raises a Fault when the rule makes no sense."""
    return unit.segments.count(rules.checked(rule), unit.now)


def members(unit: Work, segment: UUID, wanted: Page) -> Sequence[Membership]:
    """A page of a segment's members. Raises a Fault when there is no such segment."""
    get(unit, segment)
    return unit.segments.members(segment, wanted)


def judge_touched(unit: Work, profiles: Sequence[Profile], *, causes: Mapping[UUID, EntryCause], new_id: NewId) -> None:
    """Judge members whose profiles have just changed and are locked, at their new versions."""
    segments = unit.segments.all()
    if segments:
        judgement = _judge(unit, profiles, segments, causes=causes, new_id=new_id)
        _plan(unit, profiles, judgement.due_times)


def judge_due(unit: Work, new_id: NewId) -> int:
    """Judge members for whom the passing of time may decide, a part of them at a time; answers how many."""
    unit.members.keep()
    unit.segments.keep_rules()
    profiles = unit.profiles.lock_due(unit.now, _DUE_AT_ONCE)
    if profiles:
        causes = dict.fromkeys((profile.member for profile in profiles), EntryCause.TIME)
        judgement = _judge_next(unit, profiles, unit.segments.all(), causes=causes, new_id=new_id)
        _plan(unit, profiles, judgement.due_times)
    return len(profiles)


def build(unit: Work, new_id: NewId) -> int:
    """Judge the next members by a rule that is new; answers how many. No automation acts on it."""
    unbuilt = unit.segments.lock_unbuilt()
    if unbuilt is None:
        return 0
    segment, after = unbuilt
    profiles = unit.profiles.lock_after(after, _BUILT_AT_ONCE)
    if profiles:
        causes = dict.fromkeys((profile.member for profile in profiles), EntryCause.RULE)
        judgement = _judge_next(unit, profiles, [segment], causes=causes, new_id=new_id)
        _plan(unit, profiles, _sooner(profiles, judgement.due_times))
    unit.segments.built(segment, profiles[-1].member if len(profiles) == _BUILT_AT_ONCE else None)
    return len(profiles)


def _judge_next(
    unit: Work,
    profiles: Sequence[Profile],
    segments: Sequence[Segment],
    *,
    causes: Mapping[UUID, EntryCause],
    new_id: NewId,
) -> Judgement:
    """As `_judge`, for locked profiles that have not changed: those who move get their next version."""
    ahead = [replace(profile, version=profile.version + 1) for profile in profiles]
    judgement = _judge(unit, ahead, segments, causes=causes, new_id=new_id)
    unit.profiles.advance(judgement.moved)
    return judgement


def _judge(
    unit: Work,
    profiles: Sequence[Profile],
    segments: Sequence[Segment],
    *,
    causes: Mapping[UUID, EntryCause],
    new_id: NewId,
) -> Judgement:
    inside = unit.segments.inside([profile.member for profile in profiles])
    judgement = domain.judge(profiles, segments, inside=inside, causes=causes, now=unit.now)
    unit.segments.enter(judgement.entered)
    unit.segments.leave(judgement.left)
    unit.emit([*judgement.entered, *judgement.left])
    automation.run(unit, judgement.entered, new_id)
    return judgement


def _plan(unit: Work, profiles: Sequence[Profile], due_times: Mapping[UUID, datetime | None]) -> None:
    """Store the due times that changed."""
    known = {profile.member: profile.due_time for profile in profiles}
    unit.profiles.plan({member: due for member, due in due_times.items() if due != known[member]})


def _sooner(profiles: Sequence[Profile], due_times: Mapping[UUID, datetime | None]) -> dict[UUID, datetime | None]:
    """The earlier of the known due time, which is that of the other segments, and the new one."""
    sooner: dict[UUID, datetime | None] = {}
    for profile in profiles:
        candidates = (profile.due_time, due_times[profile.member])
        sooner[profile.member] = min((due for due in candidates if due is not None), default=None)
    return sooner
