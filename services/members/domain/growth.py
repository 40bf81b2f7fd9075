"""Growth value: what a member has grown by, beside the points. It can't be redeemed; tiers may go by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kit.posting import Account, Cause, Sign, Transfer, draw
from services.members.domain.errors import tiers as errors
from services.members.domain.points import HOUSE

UNIT = "growth"
VALUE = "value"
RECEIVABLE = "receivable"
ACCOUNTS = {VALUE: Sign.CREDIT, RECEIVABLE: Sign.DEBIT}
"""What a member has from the first growth value on."""

_EXPENSE = Account(HOUSE, "expense")


@dataclass(frozen=True, slots=True)
class Growth:
    """A member's growth value. Each method answers it as it is then, and the transfers that lead there.

    Nobody has growth value and owes some at once. `partner` is where it comes from or goes to: the house, or another
    member's account.
    """

    member: UUID
    value: int = 0
    receivable: int = 0

    def add(self, amount: int, cause: Cause, *, partner: Account = _EXPENSE) -> tuple[Growth, list[Transfer]]:
        """It comes in: what is owed is paid first."""
        owed, rest = draw(amount, [self.receivable])
        transfers = _transfers(
            (partner, self.account(RECEIVABLE), owed), (partner, self.account(VALUE), rest), cause=cause
        )
        return Growth(self.member, self.value + rest, self.receivable - owed), transfers

    def deduct(self, amount: int, cause: Cause) -> tuple[Growth, list[Transfer]]:
        """It goes. Raises a Fault when there is less."""
        if amount > self.value:
            raise errors.growth_insufficient(value=self.value, asked=amount)
        return self.claw_back(amount, cause)

    def claw_back(self, amount: int, cause: Cause, *, partner: Account = _EXPENSE) -> tuple[Growth, list[Transfer]]:
        """It goes back to where it came from: what is missing is owed."""
        value, owed = draw(amount, [self.value])
        transfers = _transfers(
            (self.account(VALUE), partner, value), (self.account(RECEIVABLE), partner, owed), cause=cause
        )
        return Growth(self.member, self.value - value, self.receivable + owed), transfers

    def account(self, kind: str) -> Account:
        """One of the member's accounts."""
        return Account(self.member, kind)


@dataclass(frozen=True, slots=True)
class GrowthPosted:
    """An entry as it stands in the member's account: `value` is below zero for what went."""

    id: int
    member: UUID
    value: int
    cause: Cause
    create_time: datetime


def _transfers(*moves: tuple[Account, Account, int], cause: Cause) -> list[Transfer]:
    return [Transfer(debit, credit, amount, cause) for debit, credit, amount in moves if amount]
