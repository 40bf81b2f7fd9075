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
    persons = [before, *before.merged]  # whoever was merged is the same person
    erased = [(known, *known.erased(unit.now)) for known in persons]
    changed = [(known, after, facts) for known, after, facts in erased if after is not known]
    if changed:
        unit.members.save([(known, after) for known, after, _ in changed])
        unit.purchases.forget([known.id for known in persons])
        unit.emit([fact for _, _, facts in changed for fact in facts])
        subject = names.join("members", before.id)
        unit.audit.record(Act(command.author, subject, command.reason, {"state": "ACTIVE"}, {"state": "ERASED"}))
    return members.show(unit, erased[0][1])
