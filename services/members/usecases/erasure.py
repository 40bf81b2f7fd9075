"""Erasure: forget a person, and keep the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kit import names
from services.members.domain import errors
from services.members.domain.audit import Act, Author
from services.members.usecases import member as members
from services.members.usecases import ports
from services.members.usecases.audit import Audit
from services.members.usecases.member import Shown


class Unit(ports.Unit, Protocol):
    """What an erasure needs of a unit of work."""

    @property
    def audit(self) -> Audit:
        """The trail of manual acts."""


@dataclass(frozen=True, slots=True)
class EraseMember:
    """Forget the person that a member is."""

    member: UUID
    author: Author
    reason: str


def erase(unit: Unit, command: EraseMember) -> Shown:
    """Destroy what is personal with its key; nothing changes the second time. Raises a Fault when there is no such
    member."""
    before = unit.members.lock([command.member]).get(command.member)
    if before is None:
        raise errors.member_not_found(command.member)
    after, facts = before.erased(unit.now)
    if after is not before:
        unit.members.save([(before, after)])
        unit.emit(facts)
        subject = names.join("members", after.id)
        unit.audit.record(Act(command.author, subject, command.reason, {"state": "ACTIVE"}, {"state": "ERASED"}))
    return members.show(unit, after)
