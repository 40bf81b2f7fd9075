"""Limits against abuse: how much may come out of one activity in a day, by member, device or store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.members.domain.errors.engagement import engagement_invalid


class Scope(StrEnum):
    """Who is counted."""

    MEMBER = "MEMBER"
    DEVICE = "DEVICE"
    STORE = "STORE"


@dataclass(frozen=True, slots=True)
class DailyLimit:
    """At most so many times and so many points in a day, for each of the scope; 0 for any number."""

    scope: Scope
    count: int = 0
    points: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """So much more of what is counted for one subject on one day, of which at most `allowed` may be used in all."""

    activity: str
    scope: Scope
    measure: str
    subject: str
    day: date
    amount: int
    allowed: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from: who, on which device, in which store; an empty one is not counted."""

    member: UUID
    device: str = ""
    store: str = ""

    def subject(self, scope: Scope) -> str:
        """What stands for this origin in the counters. Of a device only a hash is kept."""
        match scope:
            case Scope.MEMBER:
                return str(self.member)
            case Scope.DEVICE:
                return hashlib.sha256(self.device.encode()).hexdigest() if self.device else ""
            case Scope.STORE:
                return self.store


def uses(activity: str, limits: Sequence[DailyLimit], origin: Origin, *, day: date, points: int) -> list[Use]:
    """What an activity uses of its limits, in the order in which counters are locked."""
    found = []
    for limit in limits:
        subject = origin.subject(limit.scope)
        for measure, amount, allowed in (("count", 1, limit.count), ("points", points, limit.points)):
            if subject and allowed and amount:
                found.append(Use(activity, limit.scope, measure, subject, day, amount, allowed))
    return sorted(found, key=lambda use: (use.scope, use.subject, use.measure))


def check_limits(limits: Sequence[DailyLimit], field: str) -> None:
    """Raise a Fault when a scope stands twice, or a limit limits nothing."""
    seen = set()
    for index, limit in enumerate(limits):
        if limit.scope in seen:
            raise engagement_invalid(f"{field}[{index}].scope", "must be another than those before")
        if not limit.count and not limit.points:
            raise engagement_invalid(f"{field}[{index}]", "must limit the count or the points")
        seen.add(limit.scope)
