"""Merges: make two members one, and undo it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit import names
from kit.page import Page
from kit.posting import Transfer
from services.members.domain import errors, growth
from services.members.domain.audit import Act, Author
from services.members.domain.errors import identity as refusals
from services.members.domain.events import MemberMerged
from services.members.domain.member import Member
from services.members.domain.merge import DEBT, Dated, Drawn, Estate, Merge, MergeState, Paid, check_holds, paid
from services.members.domain.tier_override import running
from services.members.usecases import ports, tier
from services.members.usecases.audit import Audit


class Merges(ports.Merged, Protocol):
    """Merges, and what they move."""

    def add(self, merge: Merge) -> None:
        """Keep a new merge."""

    def end(self, merge: Merge) -> None:
        """Keep that a merge was undone."""

    def read(self, merge: UUID) -> Merge | None:
        """The merge, if there was one."""

    def active(self, gone: UUID) -> Merge | None:
        """The merge by which a member is gone."""

    def page(self, member: UUID, page: Page) -> list[Merge]:
        """Merges that a member was part of, from a position on, one more than the page shows."""

    def estates(self, gone: UUID, kept: UUID, empty: Collection[UUID] = ()) -> list[tuple[Estate, Estate]]:
        """What both have in each unit in which one of them has accounts. Lots of which nothing is left are missing, but
        for those in `empty`."""

    def post(self, unit: str, owners: Sequence[UUID], transfers: Sequence[Transfer], now: datetime) -> None:
        """Write transfers between the owners' accounts in a unit."""

    def take_over(self, unit: str, gone: UUID, kept: UUID) -> None:
        """In this unit the accounts of the one stand for those of the other."""

    def give_back(self, gone: UUID, kept: UUID) -> None:
        """The member's accounts stand for themselves again, in all units."""

    def move(self, merge: Merge) -> None:
        """Give every row of the member that goes to the other."""

    def keep_inherited(self, merge: Merge, override: int) -> None:
        """Keep by which act the kept member has the tier that was given to the other by hand."""

    def inherited(self, merge: Merge) -> int | None:
        """The act by which the kept member has the other's tier."""

    def returning(self, merge: Merge) -> set[UUID]:
        """The lots that go back."""

    def holds(self, merge: Merge) -> list[Drawn]:
        """The active holds of the member that is kept."""

    def payments_changed(self, merge: Merge) -> bool:
        """Whether a payment by stored value that was held when it was moved is not held any more."""

    def move_back(self, merge: Merge) -> None:
        """Give the rows back that were moved and those that followed."""


class Unit(ports.Unit, Protocol):
    """What merges need of a unit of work."""

    @property
    def audit(self) -> Audit:
        """The trail of manual acts."""

    @property
    def merges(self) -> Merges:
        """Merges."""


@dataclass(frozen=True, slots=True)
class MergeMembers:
    """Make the member `gone` a part of the member `kept`."""

    merge: UUID
    gone: UUID
    kept: UUID
    author: Author
    reason: str


@dataclass(frozen=True, slots=True)
class UndoMerge:
    """Make them two again."""

    merge: UUID
    author: Author
    reason: str


def merge(unit: Unit, command: MergeMembers) -> Merge:
    """Merge two members. The same two once more answer the same. Raises a Fault when there is no such member, one is
    merged into another, or the two are one already."""
    gone, kept = _both(unit, command.gone, command.kept)
    known = unit.merges.active(command.gone)
    if known is not None and known.kept == command.kept:
        return known
    if gone.id != command.gone:
        raise refusals.merge_invalid(f"{_name(command.gone)} was merged into {_name(gone.id)} already")
    if gone.id == kept.id:
        raise refusals.merge_invalid("a member can't be merged into itself")
    unit.wallets.lock([gone.id, kept.id])
    tags = tuple(sorted({*gone.tags} - {*kept.tags}))
    made = Merge(command.merge, gone.id, kept.id, command.reason, unit.now, added_tags=tags)
    made = _hand_over(unit, made)
    given = running(unit.tiers.read([gone.id])[gone.id].overrides, unit.now)
    unit.merges.add(made)
    unit.merges.move(made)
    _keep(unit, gone, gone.touched(unit.now), kept, kept.tagged(tags, (), unit.now))
    unit.members.absorb(gone.id, kept.id)
    tier.rejudge(unit, [kept.id])
    inherited = tier.inherit(unit, kept.id, given) if given else None
    if inherited:
        unit.merges.keep_inherited(made, inherited.id)
    _tell(unit, command, made, gone.version + 1)
    return made


def undo(unit: Unit, command: UndoMerge) -> Merge:
    """Undo a merge; nothing changes the second time. Raises a Fault when there was none, it is too old, or what has
    happened since can't be taken apart."""
    made = unit.merges.read(command.merge)
    if made is None:
        raise refusals.merge_not_found(command.merge)
    root, _ = _both(unit, made.kept, made.gone, erased=True)
    made = unit.merges.read(command.merge) or made  # as it is under the lock
    undone = made.undone(unit.now)
    if undone is made:
        return made
    if root.erase_time is not None:
        raise refusals.member_erased(root.id)
    if root.id != made.kept:
        raise refusals.unmerge_blocked(f"{_name(made.kept)} was merged into {_name(root.id)} since; undo that first")
    unit.wallets.lock([made.gone, made.kept])
    _hand_back(unit, made)
    unit.merges.move_back(made)
    unit.merges.end(undone)
    gone = root.holder(made.gone)
    _keep(unit, gone, gone.touched(unit.now), root, root.tagged((), made.added_tags, unit.now))
    unit.members.release(made.gone, made.kept)
    unit.tiers.open([made.gone], unit.programmes.current().version)
    inherited = unit.merges.inherited(made)
    if inherited is not None:
        tier.disinherit(unit, made.kept, inherited, author=command.author, reason=command.reason)
    tier.rejudge(unit, [made.gone, made.kept])
    _tell(unit, command, undone, gone.version + 1)
    return undone


def page(unit: Unit, member: UUID, page: Page) -> list[Merge]:
    """A page of the merges that a member was part of, the newest first. Raises a Fault when there is no such member."""
    found = unit.merges.page(member, page)
    if not found and not unit.members.read([member]):
        raise errors.member_not_found(member)
    return found


def _both(unit: Unit, first: UUID, second: UUID, *, erased: bool = False) -> tuple[Member, Member]:
    """Both members, locked, each as who stands for it."""
    found = unit.members.lock([first, second])
    for member in (first, second):
        if member not in found:
            raise errors.member_not_found(member)
        if found[member].erase_time is not None and not erased:
            raise refusals.member_erased(member)
    return found[first], found[second]


def _hand_over(unit: Unit, made: Merge) -> Merge:
    """Post what changes hands, in every unit; answers the merge with what can't be read from the lots later."""
    loose, dated, debts = {}, {}, list[Paid]()
    for gone, kept in unit.merges.estates(made.gone, made.kept):
        cause, owners = made.cause(unit.now), [made.gone, made.kept]
        log = _log(unit, gone)
        given = gone.dated(made.kept, log, cause) if log else gone.handed_over(made.kept, cause)
        settled = kept.joined(gone).settled(cause)
        unit.merges.post(gone.unit, owners, given, unit.now)
        unit.merges.post(gone.unit, owners, settled, unit.now)
        unit.merges.take_over(gone.unit, made.gone, made.kept)
        loose[gone.unit] = {kind: amount for kind, amount in gone.loose().items() if amount}
        if log:
            dated[gone.unit] = log
        debts += paid(gone.unit, settled)
    return replace(made, loose=loose, dated=dated, paid=tuple(debts))


def _hand_back(unit: Unit, made: Merge) -> None:
    lots = unit.merges.returning(made)
    check_holds(unit.merges.holds(made), lots)
    if unit.merges.payments_changed(made):
        raise refusals.unmerge_blocked("a payment that was under way has ended since")
    unit.merges.give_back(made.gone, made.kept)
    drained = [each.lot for each in made.paid if each.lot is not None]
    for _, estate in unit.merges.estates(made.gone, made.kept, drained):
        cause, owners = made.cause(unit.now), [made.gone, made.kept]
        transfers, kept, gone = made.returned(estate, lots, cause)
        unit.merges.post(estate.unit, owners, transfers, unit.now)
        for left in (kept, gone):
            unit.merges.post(estate.unit, owners, left.settled(cause), unit.now)


def _log(unit: Unit, estate: Estate) -> list[Dated]:
    """When growth value came, for it counts by that; nothing for what does not, or is owed."""
    if estate.unit != growth.UNIT or estate.balances.get(DEBT):
        return []
    return [Dated(time, amount) for _, time, amount in unit.growth.log([estate.owner])]


def _keep(unit: Unit, gone: Member, gone_after: Member, kept: Member, kept_after: Member) -> None:
    changes = [(gone, gone_after), (kept, kept_after)]
    unit.members.save([(before, after) for before, after in changes if after is not before])


def _tell(unit: Unit, command: MergeMembers | UndoMerge, made: Merge, version: int) -> None:
    undone = made.state is MergeState.UNDONE
    unit.emit([MemberMerged(made.gone, made.kept, unit.now, version, undone=undone)])
    apart, one = {"into": None}, {"into": _name(made.kept), "merge": names.join("merges", made.id)}
    before, after = (one, apart) if undone else (apart, one)
    unit.audit.record(Act(command.author, _name(made.gone), command.reason, before, after))


def _name(member: UUID) -> str:
    return names.join("members", member)
