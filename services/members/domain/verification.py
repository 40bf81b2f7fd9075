"""Proof: everything that is kept beside the ledger's entries is recomputed from them and compared.

A balance is the sum of the account's entries, a lot is the sum of the entries that name it, what is held of a
programme's points is the sum of its active holds, stored value that is set aside that of the held payments. What a
purchase earned is the sum of the entries that name it. The counters of a reward, and where the points of a redemption
are, follow from the redemptions' states, and a tier history from what counts towards it. What was found is signed, and
each statement names the hash of the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from kit import names
from kit.proof import GENESIS, canonical
from kit.wire import instant
from services.members.domain.points import AVAILABLE, HELD, PENDING, UNIT, Part
from services.members.domain.tier import TierChange

LOT_ACCOUNTS = (PENDING, AVAILABLE, HELD)
"""The accounts that are divided into lots, in units that are."""


class Kind(StrEnum):
    """What is compared."""

    BALANCE = "balance"
    """An account's balance with the sum of its entries."""
    LOT = "lot"
    """What is left of a lot with the sum of the entries that name it."""
    NO_LOT = "no_lot"
    """What the entries that name no lot add up to, in an account that is divided into lots, with zero: then its lots
    add up to its balance."""
    HOLD = "hold"
    """What is held, in all and of a lot, with the sum of the active holds."""
    STORED_HOLD = "stored_hold"
    """Stored value that is set aside, with the sum of the payments that are held."""
    EARNED = "earned"
    """What a purchase has earned with the sum of the entries that name it."""
    REWARD = "reward"
    """A reward's counters with the sums over its redemptions."""
    REDEMPTION = "redemption"
    """Where the points of a redemption are, by its hold, with where its state says."""
    TIER = "tier"
    """A member's tier history with the one that follows from what counts towards it."""
    ZERO_SUM = "zero_sum"
    """The sum over all accounts of a unit with zero."""
    AUDIT = "audit"
    """The trail of manual acts with its seals."""


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison: what the log says against what is kept."""

    kind: Kind
    subject: str
    expected: str
    actual: str

    @property
    def ok(self) -> bool:
        """Whether they agree."""
        return self.expected == self.actual

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}: {self.expected} expected, {self.actual} kept"


class LotBooks(NamedTuple):
    """What is kept of a lot: its unit, and what is left of it by account."""

    unit: str
    left: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Books:
    """All that is kept of a member's accounts, and what the entries say.

    `balances` are by unit and account, `sums` those of the entries by unit, account and lot. `holds` are the active
    ones on points: their unit, how many each holds, and the lots they were drawn from.
    """

    member: UUID
    balances: Mapping[tuple[str, str], int]
    sums: Mapping[tuple[str, str, UUID | None], int]
    lots: Mapping[UUID, LotBooks]
    holds: Sequence[tuple[str, int, Sequence[Part]]] = ()
    last_entry: int = 0
    """The newest entry that was taken into account."""

    def checks(self) -> list[Check]:
        """Every comparison."""
        return [*self._balances(), *self._lots(), *self._no_lot(), *self._holds()]

    def _balances(self) -> Iterator[Check]:
        for (unit, account), balance in sorted(self.balances.items()):
            expected = sum(amount for key, amount in self.sums.items() if key[:2] == (unit, account))
            yield check(Kind.BALANCE, account_name(self.member, unit, account), expected, balance)

    def _lots(self) -> Iterator[Check]:
        named = {
            (lot, account): amount
            for (_, account, lot), amount in self.sums.items()
            if lot and account in LOT_ACCOUNTS and amount
        }
        for lot, (_, left) in sorted(self.lots.items()):
            for account, amount in zip(LOT_ACCOUNTS, left, strict=True):
                expected = named.pop((lot, account), 0)
                if expected or amount:
                    yield check(Kind.LOT, lot_name(self.member, lot, account), expected, amount)
        for (lot, account), expected in sorted(named.items()):
            yield check(Kind.LOT, lot_name(self.member, lot, account), expected, "no lot")

    def _no_lot(self) -> Iterator[Check]:
        for unit, account in sorted(self.balances):
            if divided(unit) and account in LOT_ACCOUNTS:
                without = self.sums.get((unit, account, None), 0)
                yield check(Kind.NO_LOT, account_name(self.member, unit, account), 0, without)

    def _holds(self) -> Iterator[Check]:
        units = {unit for unit, account in self.balances if divided(unit) and account == HELD}
        for unit in sorted({UNIT, *units, *(unit for unit, _, _ in self.holds)}):
            yield from self._held_in(unit)

    def _held_in(self, unit: str) -> Iterator[Check]:
        """What is held of one programme's points, which only its own holds hold."""
        mine = [(points, parts) for of, points, parts in self.holds if of == unit]
        held = sum(points for points, _ in mine)
        yield check(Kind.HOLD, account_name(self.member, unit, HELD), held, self.balances.get((unit, HELD), 0))
        drawn: dict[UUID, int] = {}
        for part in (part for _, parts in mine for part in parts):
            if part.lot:
                drawn[part.lot] = drawn.get(part.lot, 0) + part.points
        kept = {lot: books.left[LOT_ACCOUNTS.index(HELD)] for lot, books in self.lots.items() if books.unit == unit}
        for lot in sorted(drawn.keys() | {lot for lot, amount in kept.items() if amount}):
            yield check(Kind.HOLD, lot_name(self.member, lot, HELD), drawn.get(lot, 0), kept.get(lot, "no lot"))


def check(kind: Kind, subject: str, expected: object, actual: object) -> Check:
    """A comparison of two values, as they are shown."""
    return Check(kind, subject, str(expected), str(actual))


def tier_check(member: UUID, replayed: Sequence[TierChange], kept: Sequence[TierChange]) -> Check:
    """Compare a tier history with the one that was computed from zero."""
    return check(Kind.TIER, names.join("members", member, "tier"), _shown(replayed), _shown(kept))


def account_name(member: UUID, unit: str, account: str) -> str:
    """An account in a report, for example `members/{member}/points/available`."""
    return names.join("members", member, unit, account)


def lot_name(member: UUID, lot: UUID, account: str) -> str:
    """A lot's part in an account, in a report."""
    return names.join("members", member, "lots", lot, account)


def purchase_name(member: UUID, order: UUID, unit: str) -> str:
    """What a purchase earned in a unit, in a report."""
    return names.join("members", member, "purchases", order, unit)


def reward_name(reward: UUID, counter: str) -> str:
    """A counter of a reward, in a report."""
    return names.join("rewards", reward, counter)


def redemption_name(member: UUID, redemption: UUID) -> str:
    """A redemption, in a report."""
    return names.join("members", member, "redemptions", redemption)


def divided(unit: str) -> bool:
    """Whether the accounts of a unit are divided into lots: those of points are."""
    return unit == UNIT or unit.startswith(f"{UNIT}/")


def _shown(history: Iterable[TierChange]) -> str:
    return ", ".join(f"{change.to_tier} from {instant(change.time)}" for change in history) or "none"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found about one member at `time`. It follows the member's statement with the hash `previous`."""

    member: UUID
    sequence: int
    time: datetime
    last_entry: int
    checks: Sequence[Check] = field(repr=False)
    previous: str = GENESIS

    @property
    def ok(self) -> bool:
        """Whether everything agrees."""
        return all(each.ok for each in self.checks)

    def payload(self) -> str:
        """What is signed: the statement as canonical JSON."""
        return canonical(
            {
                "name": names.join("members", self.member, "verifications", str(self.sequence)),
                "time": instant(self.time),
                "lastEntry": self.last_entry,
                "ok": self.ok,
                "checks": [
                    {"kind": each.kind, "subject": each.subject, "expected": each.expected, "actual": each.actual}
                    for each in self.checks
                ],
                "previousHash": self.previous,
            }
        )


class Sweep(NamedTuple):
    """When a sweep over everybody ended, up to which member it came, and how much differed, by kind."""

    time: datetime
    position: UUID
    differences: dict[str, int]


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement that was signed (`jws`, RFC 7515 compact), and the hash that the next one names."""

    member: UUID
    sequence: int
    time: datetime
    ok: bool
    previous: str
    hash: str
    jws: str
