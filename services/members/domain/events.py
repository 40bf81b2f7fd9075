"""Facts of the domain. `version` is that of the subject after the fact, so that listeners can tell old from new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class MemberEnrolled:
    """A customer joined."""

    member: UUID
    enroll_time: datetime
    home_store: str
    version: int


@dataclass(frozen=True, slots=True)
class PointsEarned:
    """Points came to a member, or earned ones were taken back (negative). `time` is the date of the purchase."""

    member: UUID
    source: str
    points: int
    time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class TierChanged:
    """A member's present tier became another one."""

    member: UUID
    from_tier: str
    to_tier: str
    time: datetime
    version: int
