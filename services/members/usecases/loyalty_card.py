"""Loyalty cards: give one more, block one that was lost, replace one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from kit import names
from services.members.domain import errors
from services.members.domain.audit import Act, Author
from services.members.domain.errors.identity import loyalty_card_ended, member_erased
from services.members.domain.loyalty_card import CardState, LoyaltyCard
from services.members.domain.member import Identifier, Member
from services.members.usecases import ports
from services.members.usecases.audit import Audit


class Unit(ports.Unit, Protocol):
    """What cards need of a unit of work."""

    @property
    def audit(self) -> Audit:
        """The trail of manual acts."""


@dataclass(frozen=True, slots=True)
class IssueCard:
    """Give a member one more card."""

    member: UUID
    number: str


@dataclass(frozen=True, slots=True)
class BlockCard:
    """Make a card lead to nobody."""

    member: UUID
    ordinal: int
    author: Author
    reason: str


@dataclass(frozen=True, slots=True)
class ReplaceCard:
    """Give a member a card with this number in the place of an old one."""

    member: UUID
    ordinal: int
    number: str
    author: Author
    reason: str


class Owned(NamedTuple):
    """A card and whose it is."""

    member: UUID
    card: LoyaltyCard


def issue(unit: Unit, command: IssueCard) -> Owned:
    """Give one more card. Raises a Fault when the number is taken or there are too many."""
    before = _locked(unit, command.member)
    return _give(unit, before, before, command.number)


def block(unit: Unit, command: BlockCard) -> Owned:
    """Block a card; nothing changes when it is blocked or replaced already. Raises a Fault when there is none."""
    before = _locked(unit, command.member).holder(command.member)
    after = before.without(command.ordinal, CardState.BLOCKED, unit.now)
    if after is not before:
        unit.members.save([(before, after)])
        _record(unit, command, before, after)
    return Owned(after.id, after.card(command.ordinal))


def replace(unit: Unit, command: ReplaceCard) -> Owned:
    """Replace a card, blocked or not; answers the new one. Raises a Fault when it was replaced before."""
    before = _locked(unit, command.member).holder(command.member)
    if before.card(command.ordinal).state is CardState.REPLACED:
        raise loyalty_card_ended()
    ended = before.without(command.ordinal, CardState.REPLACED, unit.now)
    owned = _give(unit, before, ended, command.number)
    _record(unit, command, before, ended)
    return owned


def get(unit: ports.Unit, member: UUID, ordinal: int) -> Owned:
    """A card. Raises a Fault when there is none."""
    known = unit.members.read([member]).get(member)
    if known is None:
        raise errors.member_not_found(member)
    holder = known.holder(member)
    return Owned(holder.id, holder.card(ordinal))


def _locked(unit: Unit, member: UUID) -> Member:
    known = unit.members.lock([member]).get(member)
    if known is None:
        raise errors.member_not_found(member)
    if known.erase_time is not None:
        raise member_erased(known.id)
    return known


def _give(unit: Unit, before: Member, ended: Member, number: str) -> Owned:
    """Keep the member with one card more than `ended` has."""
    if unit.members.find([Identifier("card", "", number)]):
        raise errors.identifier_taken("card")
    after = ended.given(number, unit.now)
    unit.members.save([(before, after)])
    return Owned(after.id, after.cards[-1])


def _record(unit: Unit, command: BlockCard | ReplaceCard, before: Member, after: Member) -> None:
    subject = names.join("members", before.id, "loyaltyCards", str(command.ordinal))
    states = ({"state": member.card(command.ordinal).state.value} for member in (before, after))
    unit.audit.record(Act(command.author, subject, command.reason, *states))
