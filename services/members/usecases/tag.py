"""Tags: what the shop calls its members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kit import names
from services.members.domain import errors
from services.members.domain.audit import NOBODY, Act, Author
from services.members.domain.errors.identity import member_erased
from services.members.domain.member import Member
from services.members.usecases import member as members
from services.members.usecases.member import Shown
from services.members.usecases.ports import ActingUnit


@dataclass(frozen=True, slots=True)
class ModifyTags:
    """Add tags to a member and take others away."""

    member: UUID
    add: Sequence[str]
    remove: Sequence[str]
    author: Author = NOBODY


def modify(unit: ActingUnit, command: ModifyTags) -> Shown:
    """Change the tags. Raises a Fault when there is no such member, or would be too many tags."""
    before = unit.members.lock([command.member]).get(command.member)
    if before is None:
        raise errors.member_not_found(command.member)
    if before.erase_time is not None:
        raise member_erased(before.id)
    after = before.tagged(command.add, command.remove, unit.now)
    if after is not before:
        unit.members.save([(before, after)])
        unit.audit.record(_act(command.author, before, after))
    return members.show(unit, after)


def _act(author: Author, before: Member, after: Member) -> Act:
    """Tags are forgotten with the person, the trail is not: it tells how many there are, came and went."""
    came, went = {*after.tags} - {*before.tags}, {*before.tags} - {*after.tags}
    told = {"tags": len(after.tags), "added": len(came), "removed": len(went)}
    return Act(author, names.join("members", after.id), "tagged", {"tags": len(before.tags)}, told)
