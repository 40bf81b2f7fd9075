"""Members: enrol, complete from other systems, find, change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from kit import names
from kit.errors import Fault, etag_mismatch
from kit.page import Page
from services.members.domain import errors
from services.members.domain.errors.identity import loyalty_card_ended, member_erased
from services.members.domain.events import MemberEnrolled
from services.members.domain.member import Identifier, Member, Profile, external, parse_org
from services.members.domain.programme import BASE
from services.members.usecases import celebration, tier
from services.members.usecases.engagement_ports import EngagementUnit
from services.members.usecases.points import attempt
from services.members.usecases.ports import Unit


@dataclass(frozen=True, slots=True)
class Enroll:
    """Enrol a person, who gets the id `member` if new."""

    member: UUID
    profile: Profile
    enroll_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class UpdateMember:
    """Change the named fields of a profile. `version` is the one they were made for, None for any."""

    member: UUID
    fields: Sequence[str]
    profile: Profile
    version: int | None = None


class Shown(NamedTuple):
    """A member, the tier at the moment asked for, and when that tier changes next."""

    member: Member
    tier: str = BASE
    tier_expire_time: datetime | None = None


class RowState(StrEnum):
    """What became of a row."""

    CREATED = "CREATED"
    UNCHANGED = "UNCHANGED"
    UPDATED = "UPDATED"


class EnrolledRow(NamedTuple):
    """A row that led to a member."""

    state: RowState
    member: UUID


def enroll(unit: EngagementUnit, command: Enroll) -> Shown:
    """Enrol one member. Raises a Fault when an identifier belongs to somebody already."""
    profile = command.profile.normalised("member.")
    _refuse_taken(profile, unit.members.find(profile.identifiers()), None)
    member, fact = Member.enroll(command.member, profile, enroll_time=command.enroll_time, now=unit.now)
    _keep_new(unit, [member], [fact])
    celebration.reward_profile(unit, member)
    return Shown(member)


def batch_enroll(unit: Unit, rows: Sequence[Enroll]) -> list[EnrolledRow | Fault]:
    """Enrol or complete members by their identity in another system, of which each row has exactly one.

    A bad row is answered by its Fault and changes nothing. Rows are taken in order, so a later row about the same
    person completes what an earlier one created.
    """
    profiles = [attempt(row.profile.normalised) for row in rows]
    good = [profile for profile in profiles if isinstance(profile, Profile)]
    owners = unit.members.find({identifier for profile in good for identifier in profile.identifiers()})
    known = {owners.get(external(identity)) for profile in good for identity in profile.identities} - {None}
    locked = unit.members.lock([member for member in known if member])
    # Who was merged since the search is found as the other from here on.
    owners = {identifier: locked[owner].id if owner in locked else owner for identifier, owner in owners.items()}
    roll = _Roll(unit.now, owners, {member.id: member for member in locked.values()})
    outcomes = [
        profile if isinstance(profile, Fault) else attempt(roll.enter, row, profile)
        for row, profile in zip(rows, profiles, strict=True)
    ]
    unit.members.save(roll.changed())  # first, for it may free what a new member takes
    _keep_new(unit, roll.created(), roll.facts)
    return outcomes


def get(unit: Unit, member: UUID, time: datetime | None) -> Shown:
    """A member with the tier of an instant (by default now). Raises a Fault when there is none."""
    known = unit.members.read([member]).get(member)
    if known is None:
        raise errors.member_not_found(member)
    return show(unit, known, time)


def lookup(unit: Unit, identifier: Identifier) -> Shown:
    """The member that an identifier leads to. Raises a Fault when it leads to nobody, or is a card that is no longer
    good."""
    owner = unit.members.find([identifier]).get(identifier)
    if owner is None:
        raise errors.member_not_found()
    shown = get(unit, owner, None)
    if not shown.member.leads_to(identifier):
        raise loyalty_card_ended()
    return shown


def page(unit: Unit, page: Page, *, tag: str = "", org: str = "") -> list[Shown]:
    """A page of members, the newest first; of one tag, and of one part of the organisation and all below it."""
    members = unit.members.page(page, tag=tag, org=parse_org(org))
    tiers = unit.tiers.at([member.id for member in members], unit.now)
    return [Shown(member, *tiers.get(member.id, (BASE, None))) for member in members]


def update(unit: EngagementUnit, command: UpdateMember) -> Shown:
    """Change a profile. Raises a Fault when there is no such member, an identifier is taken, or another change was
    faster."""
    before = unit.members.lock([command.member]).get(command.member)
    if before is None:
        raise errors.member_not_found(command.member)
    if command.version not in (None, before.version):
        raise etag_mismatch(names.join("members", command.member))
    if before.erase_time is not None:
        raise member_erased(before.id)
    command.profile.check_unmasked(command.fields, before.profile, "member.")
    values = {field: getattr(command.profile, field) for field in command.fields}
    profile = replace(before.profile, **values).normalised("member.")
    _refuse_taken(profile, unit.members.find(profile.identifiers()), before.id)
    after = before.changed(profile, unit.now)
    if after is not before:
        unit.members.save([(before, after)])
        celebration.reward_profile(unit, after)
    return show(unit, after)


class _Roll:
    """The members of a batch while its rows are entered one by one."""

    def __init__(self, now: datetime, owners: dict[Identifier, UUID], known: dict[UUID, Member]) -> None:
        self.facts: list[MemberEnrolled] = []
        self._now = now
        self._owners = owners
        self._known = known
        self._members = dict(known)

    def enter(self, row: Enroll, profile: Profile) -> EnrolledRow:
        """Take one row over. Raises a Fault when one of its identifiers belongs to somebody else."""
        before = self._members.get(self._owners.get(external(profile.identities[0]), row.member))
        if before is None:
            _refuse_taken(profile, self._owners, None)
            after, fact = Member.enroll(row.member, profile, enroll_time=row.enroll_time, now=self._now)
            self.facts.append(fact)
            state = RowState.CREATED
        else:
            profile = before.completed(profile)
            _refuse_taken(profile, self._owners, before.id)
            after = before.changed(profile, self._now)
            state = RowState.UNCHANGED if after is before else RowState.UPDATED
            for freed in before.identifiers() - after.identifiers():
                self._owners.pop(freed, None)
        self._members[after.id] = after
        self._owners.update(dict.fromkeys(after.identifiers(), after.id))
        return EnrolledRow(state, after.id)

    def created(self) -> list[Member]:
        """The members that are new, as they are after all rows."""
        return [member for key, member in self._members.items() if key not in self._known]

    def changed(self) -> list[tuple[Member, Member]]:
        """The known members that are different now, as they were and as they are."""
        return [(was, self._members[key]) for key, was in self._known.items() if self._members[key] is not was]


def _keep_new(unit: Unit, members: Sequence[Member], facts: Sequence[MemberEnrolled]) -> None:
    """Keep new members with all that every member has."""
    if not members:
        return
    ids = [member.id for member in members]
    unit.members.add(members)
    unit.wallets.open(ids)
    unit.tiers.open(ids, unit.programmes.current().version)
    unit.emit(facts)


def _refuse_taken(profile: Profile, owners: dict[Identifier, UUID], member: UUID | None) -> None:
    for identifier in sorted(profile.identifiers()):
        if owners.get(identifier, member) != member:
            raise errors.identifier_taken(identifier.kind)


def show(unit: Unit, member: Member, time: datetime | None = None) -> Shown:
    """A member with the tier of an instant (by default now): of a past one by the rules of then."""
    if time is not None and time < unit.now:
        then = tier.status(unit, member.id, time).status
        return Shown(member, then.tier, then.expire)
    return Shown(member, *unit.tiers.at([member.id], unit.now).get(member.id, (BASE, None)))
