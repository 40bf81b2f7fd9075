"""Double entry, as much of it as a domain may know: accounts, transfers, and how an amount is drawn from several.

A transfer names the account that loses and the account that gains, so whatever is posted sums to zero. `kit.ledger`
keeps the accounts and entries under these values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID


class Sign(IntEnum):
    """What an account's balance (credits minus debits) may be, as the factor that keeps it from falling below zero."""

    CREDIT = 1
    """Holds what belongs to its owner: never below zero."""
    DEBIT = -1
    """Holds what its owner owes: never above zero."""
    OPEN = 0
    """An account of the house that every posting touches: no bound, and no balance is kept beside its entries."""


class Account(NamedTuple):
    """One account: whose, and what for, for example `available`."""

    owner: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something is posted: `kind` is the sort of event, `source` the resource that brought it about, `time` the
    moment it counts for."""

    kind: str
    source: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` units, always above zero, from the account `debit` to the account `credit`.

    `lot` is the lot that they belong to, on whichever side an account is divided into lots.
    """

    debit: Account
    credit: Account
    amount: int
    cause: Cause
    lot: UUID | None = None

    def __post_init__(self) -> None:
        if self.amount <= 0 or self.debit == self.credit:
            raise ValueError("a transfer moves more than nothing between two accounts")


@dataclass(frozen=True, slots=True)
class Lot:
    """Units that were granted together and expire together. The balances say what is left of them, by account.

    They are pending until `available_time` (None: until something happens), and gone from `expire_time` on (None:
    never). `lapsed` is how much of them has expired, for those who read the lot by its source. `announced` is for those
    who fix the end: the owner is told of it at once.
    """

    id: UUID
    owner: UUID
    source: str
    granted: int
    grant_time: datetime
    available_time: datetime | None = None
    expire_time: datetime | None = None
    pending: int = 0
    available: int = 0
    held: int = 0
    lapsed: int = 0
    announced: bool = False

    @property
    def order(self) -> tuple[bool, datetime, datetime, UUID]:
        """The order in which lots are spent: what expires first, then what was granted first."""
        return (self.expire_time is None, self.expire_time or self.grant_time, self.grant_time, self.id)

    def expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expire_time is not None and self.expire_time <= now

    def mature(self, now: datetime) -> bool:
        """Whether what is pending can be spent by now."""
        return self.available_time is not None and self.available_time <= now

    def due(self, now: datetime) -> Lot:
        """The lot as it is at `now`, also if a sweep is still due: only what is held outlives its time."""
        lot = replace(self, pending=0, available=self.available + self.pending) if self.mature(now) else self
        return replace(lot, available=0) if self.expired(now) else lot


class Change(NamedTuple):
    """What transfers do to one account: the sum that it gains, and how many of them touch it."""

    amount: int
    transfers: int


def changes(transfers: Iterable[Transfer]) -> dict[Account, Change]:
    """What the transfers do to each account they touch. The amounts sum to zero."""
    totals: dict[Account, Change] = {}
    for transfer in transfers:
        for account, amount in ((transfer.debit, -transfer.amount), (transfer.credit, transfer.amount)):
            before = totals.get(account)
            totals[account] = Change(before.amount + amount, before.transfers + 1) if before else Change(amount, 1)
    return totals


def draw(amount: int, limits: Sequence[int]) -> list[int]:
    """Take `amount` from sources in their order, each up to its limit; what none can give comes as one more part.

    >>> draw(70, [50, 30])
    [50, 20, 0]
    """
    parts = []
    for limit in limits:
        part = min(amount, limit)
        parts.append(part)
        amount -= part
    return [*parts, amount]
