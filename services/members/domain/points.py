"""A member's points: three accounts of the ledger, and the only ways in which points move between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.posting import Account, Cause, Sign, Transfer, draw
from services.members.domain import errors
from services.members.domain.events import PointsEarned

UNIT = "points"
AVAILABLE = "available"
HELD = "held"
RECEIVABLE = "receivable"
EXPENSE = "expense"
CLEARING = "clearing"

MEMBER_ACCOUNTS = {AVAILABLE: Sign.CREDIT, HELD: Sign.CREDIT, RECEIVABLE: Sign.DEBIT}
"""What every member has: points to spend, points set aside, and the only account that models debt."""

HOUSE = UUID("6b656875-0000-7000-8000-000000000001")
"""Owner of the programme's own accounts."""

HOUSE_ACCOUNTS = {EXPENSE: Sign.OPEN, CLEARING: Sign.OPEN}
"""The cost of the points that are granted, and spent points to be settled with the shop that took them."""

MAX_POINTS = 10**12
"""No single posting moves more, so that no balance can outgrow an int64."""

_EXPENSE = Account(HOUSE, EXPENSE)
_CLEARING = Account(HOUSE, CLEARING)


@dataclass(frozen=True, slots=True)
class Wallet:
    """A member's balances. Each method answers the wallet after it and the transfers that lead there.

    A member never has points to spend and a debt at once: points that come in pay first, points that are taken back
    come from what is available first. `version` counts the transfers into and out of what is available and owed.
    """

    member: UUID
    available: int = 0
    held: int = 0
    receivable: int = 0
    version: int = 0

    def accrue(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points come in: what the member owes is paid first, the rest becomes available."""
        return self._granted(points, _EXPENSE, cause)

    def claw_back(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Earned points go back: from what is available, then as a debt. Held points stay held."""
        return self._taken(points, _EXPENSE, cause)

    def give_back(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Spent points come back: what the member owes is paid first, the rest becomes available."""
        return self._granted(points, _CLEARING, cause)

    def charge(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points go for something that was bought already: from what is available, then as a debt."""
        return self._taken(points, _CLEARING, cause)

    def spend(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points go for something. Raises a Fault when fewer are available."""
        self._need(points)
        return self._moved((self._account(AVAILABLE), _CLEARING, points), cause=cause)

    def hold(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points are set aside. Raises a Fault when fewer are available."""
        self._need(points)
        return self._moved((self._account(AVAILABLE), self._account(HELD), points), cause=cause)

    def confirm(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Held points are spent."""
        return self._moved((self._account(HELD), _CLEARING, points), cause=cause)

    def release(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Held points come back: what the member owes by now is paid first, the rest becomes available."""
        return self._granted(points, self._account(HELD), cause)

    def earned(self, points: int, cause: Cause) -> PointsEarned:
        """The fact that this wallet came about by earning `points` (negative: by giving them back)."""
        return PointsEarned(self.member, cause.source, points, cause.time, self.version)

    def _granted(self, points: int, source: Account, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        owed, rest = draw(points, [self.receivable])
        return self._moved(
            (source, self._account(RECEIVABLE), owed), (source, self._account(AVAILABLE), rest), cause=cause
        )

    def _taken(self, points: int, to: Account, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        available, owed = draw(points, [self.available])
        return self._moved(
            (self._account(AVAILABLE), to, available), (self._account(RECEIVABLE), to, owed), cause=cause
        )

    def _need(self, points: int) -> None:
        if points > self.available:
            raise errors.points_insufficient(available=self.available, asked=points)

    def _moved(self, *moves: tuple[Account, Account, int], cause: Cause) -> tuple[Wallet, list[Transfer]]:
        balances = {AVAILABLE: self.available, HELD: self.held, RECEIVABLE: -self.receivable}
        transfers, version = [], self.version
        for debit, credit, amount in moves:
            if not amount:
                continue
            transfers.append(Transfer(debit, credit, amount, cause))
            for account, gain in ((debit, -amount), (credit, amount)):
                if account.kind in balances:
                    balances[account.kind] += gain
                    version += account.kind != HELD
        return Wallet(self.member, balances[AVAILABLE], balances[HELD], -balances[RECEIVABLE], version), transfers

    def _account(self, kind: str) -> Account:
        return Account(self.member, kind)


@dataclass(frozen=True, slots=True)
class Posted:
    """A transfer as it stands in the member's account; `id` rises with time."""

    id: int
    member: UUID
    debit: str
    credit: str
    points: int
    cause: Cause
    create_time: datetime
