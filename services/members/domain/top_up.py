"""Top-ups: money paid in at a store, with the bonus that the rules gave for it, and what was paid back of it.

The activation of a gift card is one too: its value comes in at the store that sold it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit import names
from kit.money import Money
from kit.posting import Cause, Transfer
from services.members.domain.errors import stored_value as errors
from services.members.domain.stored_refund import StoredRefund
from services.members.domain.stored_value import NOTHING, Parts, Purse


@dataclass(frozen=True, slots=True)
class TopUp:
    """`paid` came in for the owner at a store; `refunded` of it went back. `reference` is the payment's own number."""

    id: UUID
    owner: UUID
    of_card: bool
    currency: str
    store: str
    reference: str
    paid: Parts
    rules: int
    create_time: datetime
    refunded: Parts = NOTHING

    @property
    def name(self) -> str:
        """`topUps/{id}`."""
        return names.join("topUps", self.id)

    def post(self, purse: Purse) -> tuple[Purse, list[Transfer]]:
        """Bring it into the owner's purse."""
        return purse.top_up(self.paid, store=self.store, cause=Cause("TOP_UP", self.name, self.create_time))

    def same_as(self, other: TopUp) -> bool:
        """Whether the other says the same under the same reference."""
        return (self.owner, self.currency, self.store, self.paid.principal) == (
            other.owner,
            other.currency,
            other.store,
            other.paid.principal,
        )

    def refund(
        self, refund: UUID, purse: Purse, amount: int, *, store: str, reference: str, now: datetime
    ) -> tuple[TopUp, StoredRefund, Purse, list[Transfer]]:
        """Pay `amount` of the principal back (0: what is left of it) and take back the bonus that came with it.

        The bonus follows what was paid back in all, rounded down until all is; of it, what is spent by then stays
        spent. Raises a Fault when more is asked for than was not yet paid back, or than the purse has.
        """
        left = self.paid.principal - self.refunded.principal
        amount = amount or left
        if not 0 < amount <= left:
            raise errors.amount_exceeded(asked=Money(amount, self.currency), left=Money(left, self.currency))
        paid_back = self.refunded.principal + amount
        due = self.paid.bonus * paid_back // self.paid.principal - self.refunded.bonus
        parts = Parts(amount, min(due, purse.free.bonus))
        made = StoredRefund(refund, self.id, self.owner, True, self.currency, store, reference, parts, now)
        after = replace(self, refunded=self.refunded.plus(parts))
        return after, made, *purse.take_back(parts, store=store, cause=Cause("TOP_UP_REFUND", made.name, now))

    def reverse(
        self, refund: UUID, purse: Purse, *, now: datetime
    ) -> tuple[TopUp, StoredRefund, Purse, list[Transfer]]:
        """Give all that is left in the purse back to the store, which must be all that the purse is for."""
        parts = purse.free
        made = StoredRefund(refund, self.id, self.owner, True, self.currency, self.store, "", parts, now)
        after = replace(self, refunded=self.refunded.plus(parts))
        return after, made, *purse.take_back(parts, store=self.store, cause=Cause("VOID", made.name, now))
