"""Automations: what happens by itself when a member comes into a segment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import invalid
from services.campaigns.domain.events import SegmentEntered


class State(StrEnum):
    """Whether an automation acts."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True)
class Automation:
    """On entering a segment, a coupon of a template is issued; to each member once, ever."""

    id: UUID
    display_name: str
    segment: UUID
    template: UUID
    create_time: datetime
    update_time: datetime
    state: State = State.ACTIVE
    version: int = 1

    @property
    def name(self) -> str:
        """Its resource name, which is the cause of the coupons that it grants."""
        return names.join("automations", self.id)

    def checked(self) -> Automation:
        """Itself, when it is complete. Raises a Fault."""
        if not self.display_name.strip():
            raise invalid("automation.display_name", "must not be empty")
        return self

    def turned(self, state: State, now: datetime) -> Automation:
        """In another state; nothing changes when it is in it already."""
        if state is self.state:
            return self
        return replace(self, state=state, update_time=now, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Run:
    """What an automation did for a member who entered: a coupon granted, or the reason why not."""

    id: UUID
    automation: UUID
    member: UUID
    coupon: UUID | None
    skip_reason: str
    rule_version: int
    time: datetime


def due(
    automations: Sequence[Automation], entered: Iterable[SegmentEntered], granted: AbstractSet[tuple[UUID, UUID]]
) -> list[tuple[Automation, SegmentEntered]]:
    """Which automation is to act on which entry. `granted` has the (automation, member) pairs that had their coupon."""
    return [
        (automation, entry)
        for entry in entered
        if entry.cause.automated
        for automation in automations
        if automation.segment == entry.segment
        and automation.state is State.ACTIVE
        and (automation.id, entry.member) not in granted
    ]
