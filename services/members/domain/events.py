"""Facts of the domain. `version` is that of the subject after the fact, so that listeners can tell old from new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.money import Money
from services.members.domain.tier_scheme import NO_BENEFITS, Benefits


@dataclass(frozen=True, slots=True)
class MemberEnrolled:
    """A customer joined."""

    member: UUID
    enroll_time: datetime
    home_store: str
    version: int


@dataclass(frozen=True, slots=True)
class PointsEarned:
    """Points came to a member, or earned ones were taken back (negative). `time` is the date of the purchase,
    `programme` the one whose points they are, empty for the default one."""

    member: UUID
    source: str
    points: int
    time: datetime
    version: int
    programme: str = ""


@dataclass(frozen=True, slots=True)
class PointsExpiring:
    """Points of a member expire at `time`, unless they are spent before; the member is told at `told`."""

    member: UUID
    points: int
    time: datetime
    programme: str
    told: datetime


@dataclass(frozen=True, slots=True)
class TierChanged:
    """A member's present tier became another one, which is good for `benefits` and ends by the clock, if ever, at
    `expire`."""

    member: UUID
    from_tier: str
    to_tier: str
    time: datetime
    version: int
    expire: datetime | None = None
    benefits: Benefits = NO_BENEFITS


@dataclass(frozen=True, slots=True)
class MemberMerged:
    """A member became another one, or (`undone`) is a member of its own again."""

    member: UUID
    into: UUID
    time: datetime
    version: int
    undone: bool = False


@dataclass(frozen=True, slots=True)
class MemberErased:
    """A person asked to be forgotten, and was."""

    member: UUID
    time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class StoredValueChanged:
    """A member's stored value in a currency became another one. `principal` and `bonus` are what can be spent after it,
    `change` how much more both are than before."""

    member: UUID
    principal: Money
    bonus: Money
    change: Money
    source: str
    time: datetime
    version: int
