"""Merges: two members turn out to be one person. What the one had is the other's, and can go back for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from kit import names
from kit.posting import Account, Cause, Lot, Transfer, draw
from services.members.domain.errors import identity as refusals

UNDO_WINDOW = timedelta(days=30)
"""How long a merge can be undone."""

KIND = "MERGE"
"""What the transfers of a merge, and of its undoing, are called."""

DEBT = "receivable"
"""The kind of account that says what its owner owes."""

_SPENT = ("available", "value")
"""The kinds of account that pay a debt."""

_OF_LOTS = ("pending", "available", "held")
"""The kinds of account that may be divided into lots."""


class MergeState(StrEnum):
    """Whether a merge holds."""

    ACTIVE = "ACTIVE"
    UNDONE = "UNDONE"


class Paid(NamedTuple):
    """So much of a debt that was paid in a unit by a merge, from a lot if there are lots."""

    unit: str
    lot: UUID | None
    amount: int


class Dated(NamedTuple):
    """So much came (negative: went) at an effective time."""

    time: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Estate:
    """What an owner has in one unit: the balances by kind of account (a debt is below zero), and the lots of them."""

    unit: str
    owner: UUID
    balances: Mapping[str, int]
    lots: tuple[Lot, ...] = ()

    def loose(self) -> dict[str, int]:
        """The balances beside all lots."""
        return {
            kind: amount - sum(getattr(lot, kind, 0) for lot in self.lots) for kind, amount in self.balances.items()
        }

    def handed_over(self, heir: UUID, cause: Cause) -> list[Transfer]:
        """The transfers that give all of it to an heir, lot by lot; a debt goes the other way."""
        transfers = [
            Transfer(Account(self.owner, kind), Account(heir, kind), getattr(lot, kind), cause, lot.id)
            for lot in self.lots
            for kind in _OF_LOTS
            if getattr(lot, kind)
        ]
        for kind, amount in self.loose().items():
            if amount > 0:
                transfers.append(Transfer(Account(self.owner, kind), Account(heir, kind), amount, cause))
            if amount < 0:
                transfers.append(Transfer(Account(heir, kind), Account(self.owner, kind), -amount, cause))
        return transfers

    def dated(self, heir: UUID, log: Iterable[Dated], cause: Cause) -> list[Transfer]:
        """As `handed_over`, for what has no lots but counts by the time at which it came: all at its own time."""
        kind = next(kind for kind in _SPENT if kind in self.balances)
        mine, theirs = Account(self.owner, kind), Account(heir, kind)
        return [
            Transfer(mine, theirs, amount, replace(cause, time=time))
            if amount > 0
            else Transfer(theirs, mine, -amount, replace(cause, time=time))
            for time, amount in log
            if amount
        ]

    def joined(self, other: Estate) -> Estate:
        """What the owner has with all of the other's."""
        kinds = {*self.balances, *other.balances}
        balances = {kind: self.balances.get(kind, 0) + other.balances.get(kind, 0) for kind in kinds}
        return replace(self, balances=balances, lots=(*self.lots, *other.lots))

    def settled(self, cause: Cause) -> list[Transfer]:
        """Nobody has something to spend and a debt at once: the transfers that pay, the first lots first."""
        owed = -self.balances.get(DEBT, 0)
        transfers: list[Transfer] = []
        for kind in _SPENT:
            sources = sorted(self.lots, key=lambda lot: lot.order) if kind in _OF_LOTS else []
            limits = [*(lot.available for lot in sources), self.loose().get(kind, 0)]
            for lot, amount in zip((*(lot.id for lot in sources), None), draw(owed, limits), strict=False):
                if amount:
                    transfers.append(Transfer(Account(self.owner, kind), Account(self.owner, DEBT), amount, cause, lot))
                owed -= amount
        return transfers


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge. `loose` is what was handed over beside the lots, by unit and kind, and `dated` how much of it had come
    when, by unit, where that counts; `paid` are the debts that it paid, `added_tags` those that the kept member did not
    have."""

    id: UUID
    gone: UUID
    kept: UUID
    reason: str
    time: datetime
    loose: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    dated: Mapping[str, Sequence[Dated]] = field(default_factory=dict)
    paid: tuple[Paid, ...] = ()
    added_tags: tuple[str, ...] = ()
    state: MergeState = MergeState.ACTIVE
    end_time: datetime | None = None

    @property
    def undo_expire_time(self) -> datetime:
        """Until when it can be undone."""
        return self.time + UNDO_WINDOW

    def cause(self, now: datetime) -> Cause:
        """What its transfers are posted for."""
        return Cause(KIND, names.join("merges", self.id), now)

    def undone(self, now: datetime) -> Merge:
        """The merge, undone; the same when it already was. Raises a Fault when it is too late."""
        if self.state is MergeState.UNDONE:
            return self
        if now >= self.undo_expire_time:
            raise refusals.unmerge_expired(self.id)
        return replace(self, state=MergeState.UNDONE, end_time=now)

    def returned(self, estate: Estate, lots: Collection[UUID], cause: Cause) -> tuple[list[Transfer], Estate, Estate]:
        """The transfers that give back, in one unit, what is left of the lots and what was handed over beside lots; and
        what the kept and the gone member have after them.

        What the merge had paid of debts is owed again. Raises a Fault when less is left beside lots than was handed
        over: what was used since can't be told apart.
        """
        transfers, estate = self._owed_again(estate, cause)
        going = [lot for lot in estate.lots if lot.id in lots]
        back = dict.fromkeys(estate.balances, 0)
        for lot in going:
            for kind in _OF_LOTS:
                back[kind] = back.get(kind, 0) + getattr(lot, kind)
        left = estate.loose()
        for kind, amount in self.loose.get(estate.unit, {}).items():
            if amount < 0:  # what was paid since is not owed again
                back[kind] = max(amount, min(0, left.get(kind, 0)))
            elif left.get(kind, 0) < amount:
                raise refusals.unmerge_blocked(f"less is left of {estate.unit} than was handed over")
            else:
                back[kind] = back.get(kind, 0) + amount
        gone = Estate(estate.unit, self.gone, back, tuple(replace(lot, owner=self.gone) for lot in going))
        leaving = replace(gone, owner=self.kept)
        dated = self.dated.get(estate.unit)
        transfers += leaving.dated(self.gone, dated, cause) if dated else leaving.handed_over(self.gone, cause)
        kept = {kind: amount - back.get(kind, 0) for kind, amount in estate.balances.items()}
        return transfers, replace(estate, balances=kept, lots=_without(estate.lots, lots)), gone

    def _owed_again(self, estate: Estate, cause: Cause) -> tuple[list[Transfer], Estate]:
        transfers: list[Transfer] = []
        balances, lots = dict(estate.balances), {lot.id: lot for lot in estate.lots}
        kind = next((kind for kind in _SPENT if kind in balances), "")
        for _, lot, amount in (each for each in self.paid if each.unit == estate.unit):
            transfers.append(Transfer(Account(self.kept, DEBT), Account(self.kept, kind), amount, cause, lot))
            balances[DEBT] -= amount
            balances[kind] += amount
            if lot is not None and lot in lots:
                lots[lot] = replace(lots[lot], available=lots[lot].available + amount)
        return transfers, replace(estate, balances=balances, lots=tuple(lots.values()))


def paid(unit: str, transfers: Iterable[Transfer]) -> list[Paid]:
    """What transfers that settle a debt have paid."""
    return [Paid(unit, transfer.lot, transfer.amount) for transfer in transfers]


class Drawn(NamedTuple):
    """From which lots an active hold was drawn, and whether it goes back itself."""

    moved: bool
    lots: Sequence[UUID | None]


def check_holds(holds: Iterable[Drawn], lots: Collection[UUID]) -> None:
    """Raises a Fault if an active hold was drawn from lots that part from it."""
    for hold in holds:
        if any((lot in lots) is not hold.moved for lot in hold.lots if lot is not None):
            raise refusals.unmerge_blocked("a hold was placed on the points since; end it first")


def _without(lots: Sequence[Lot], ids: Collection[UUID]) -> tuple[Lot, ...]:
    return tuple(lot for lot in lots if lot.id not in ids)


Document = dict[str, Any]


def document(merge: Merge) -> Document:
    """What a merge did, as JSON."""
    return {
        "loose": {unit: dict(kinds) for unit, kinds in merge.loose.items()},
        "dated": {unit: [[each.time.isoformat(), each.amount] for each in log] for unit, log in merge.dated.items()},
        "paid": [[each.unit, str(each.lot) if each.lot else None, each.amount] for each in merge.paid],
        "tags": list(merge.added_tags),
    }


def restored(merge: Merge, kept: Document) -> Merge:
    """The merge with what its document says."""
    paid = tuple(Paid(unit, UUID(lot) if lot else None, amount) for unit, lot, amount in kept["paid"])
    dated = {
        unit: [Dated(datetime.fromisoformat(time), amount) for time, amount in log]
        for unit, log in kept["dated"].items()
    }
    return replace(merge, loose=kept["loose"], dated=dated, paid=paid, added_tags=tuple(kept["tags"]))
