"""Segments: who is in, who comes in, who leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit.errors import invalid
from services.campaigns.domain import rule as rules
from services.campaigns.domain.events import EntryCause, SegmentEntered, SegmentLeft
from services.campaigns.domain.profile import Profile
from services.campaigns.domain.rule import Rule


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment. It is being built until every member has been judged by the newest version of its rule."""

    id: UUID
    display_name: str
    rule: Rule
    create_time: datetime
    update_time: datetime
    rule_version: int = 1
    built_version: int = 0
    version: int = 1

    @property
    def building(self) -> bool:
        """Whether members are still being judged by the newest rule."""
        return self.built_version < self.rule_version

    def checked(self) -> Segment:
        """Itself, when it is complete and its rule makes sense. Raises a Fault."""
        if not self.display_name.strip():
            raise invalid("segment.display_name", "must not be empty")
        rules.checked(self.rule)
        return self

    def changed(self, *, display_name: str, rule: Rule, now: datetime) -> Segment:
        """With new values; another rule gets a new version. Raises a Fault."""
        rule_version = self.rule_version + (rule != self.rule)
        segment = replace(self, display_name=display_name, rule=rule, rule_version=rule_version)
        return replace(segment, update_time=now, version=self.version + 1).checked()


@dataclass(frozen=True, slots=True)
class Membership:
    """A member in a segment."""

    segment: UUID
    member: UUID
    enter_time: datetime
    rule_version: int
    cause: EntryCause


@dataclass(frozen=True, slots=True)
class Judgement:
    """What judging profiles comes to: who enters and who leaves, and when each member is to be judged again."""

    entered: Sequence[SegmentEntered]
    left: Sequence[SegmentLeft]
    due_times: Mapping[UUID, datetime | None]

    @property
    def moved(self) -> set[UUID]:
        """The members who enter or leave a segment."""
        return {entry.member for entry in self.entered} | {exit_.member for exit_ in self.left}


def judge(
    profiles: Iterable[Profile],
    segments: Sequence[Segment],
    *,
    inside: Mapping[UUID, AbstractSet[UUID]],
    causes: Mapping[UUID, EntryCause],
    now: datetime,
) -> Judgement:
    """Judge profiles by segments. `inside` has each member's present segments, `causes` why the member is judged."""
    entered: list[SegmentEntered] = []
    left: list[SegmentLeft] = []
    due_times: dict[UUID, datetime | None] = {}
    for profile in profiles:
        member, present = profile.member, inside.get(profile.member, frozenset())
        for segment in segments:
            belongs = not profile.gone and rules.matches(segment.rule, profile, now)
            place = (segment.id, member, now, segment.rule_version, profile.version)
            if belongs and segment.id not in present:
                entered.append(SegmentEntered(*place, cause=causes[member]))
            elif not belongs and segment.id in present:
                left.append(SegmentLeft(*place))
        judging = () if profile.gone else segments
        due_times[member] = _earliest(rules.next_change(segment.rule, profile, now) for segment in judging)
    return Judgement(entered, left, due_times)


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)
