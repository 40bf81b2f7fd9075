"""Payments from stored value: held or paid at once, confirmed, released, refunded in any parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.money import Money
from kit.posting import Cause, Transfer
from services.members.domain.errors import stored_value as errors
from services.members.domain.stored_refund import StoredRefund
from services.members.domain.stored_value import NOTHING, DrawOrder, Parts, Purse


class State(StrEnum):
    """Where a payment stands; every state but the first is final."""

    HELD = "HELD"
    PAID = "PAID"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class StoredPayment:
    """`parts` of an owner's purse, a member's or a gift card's, were set aside or spent at a store.

    They make up what was `asked` for, until less than that is confirmed.
    """

    id: UUID
    owner: UUID
    of_card: bool
    currency: str
    store: str
    source: str
    reference: str
    order: DrawOrder
    asked: int
    create_time: datetime
    parts: Parts = NOTHING
    state: State = State.HELD
    expire_time: datetime | None = None
    end_time: datetime | None = None
    refunded: Parts = NOTHING

    @property
    def name(self) -> str:
        """`storedValuePayments/{id}`."""
        return names.join("storedValuePayments", self.id)

    @property
    def left(self) -> Parts:
        """What was paid and not given back."""
        return self.parts.less(self.refunded) if self.state is State.PAID else NOTHING

    def same_as(self, other: StoredPayment) -> bool:
        """Whether the other asks for the same under the same reference."""
        return (self.owner, self.currency, self.store, self.asked, self.expire_time is None) == (
            other.owner,
            other.currency,
            other.store,
            other.asked,
            other.expire_time is None,
        )

    def pay(self, purse: Purse) -> tuple[StoredPayment, Purse, list[Transfer]]:
        """Spend what is asked for at once. Raises a Fault when less is there."""
        parts = purse.draw(self.asked, self.order)
        paid = replace(self, parts=parts, state=State.PAID, end_time=self.create_time)
        return paid, *purse.pay(parts, store=self.store, cause=self._cause("PAYMENT", self.create_time))

    def hold(self, purse: Purse) -> tuple[StoredPayment, Purse, list[Transfer]]:
        """Set aside what is asked for, until its `expire_time`. Raises a Fault when less is there."""
        parts = purse.draw(self.asked, self.order)
        held = replace(self, parts=parts)
        return held, *purse.hold(parts, cause=self._cause("HOLD", self.create_time))

    def confirm(self, purse: Purse, amount: int, now: datetime) -> tuple[StoredPayment, Purse, list[Transfer]]:
        """Spend `amount` of what is set aside (0: all), in the ratio in which it was; the rest can be spent again.

        The same once more changes nothing. Raises a Fault when the payment ended otherwise, its time is over, or more
        is asked for than is set aside.
        """
        amount = amount or self.asked
        if self.state is State.PAID and self.expire_time is not None and amount == self.parts.total:
            return self, purse, []
        if self.state is State.EXPIRED or (self.state is State.HELD and self._is_over(now)):
            raise errors.payment_expired(self.id)
        if self.state is not State.HELD:
            raise errors.payment_ended(self.id, self.state)
        if amount > self.parts.total:
            raise errors.amount_exceeded(asked=self._money(amount), left=self._money(self.parts.total))
        spent = self.parts.share(amount)
        purse, released = purse.release(self.parts.less(spent), cause=self._cause("RELEASE", now))
        purse, paid = purse.confirm(spent, store=self.store, cause=self._cause("PAYMENT", now))
        return replace(self, parts=spent, state=State.PAID, end_time=now), purse, [*released, *paid]

    def settle(self, purse: Purse, now: datetime) -> tuple[StoredPayment, Purse, list[Transfer]]:
        """Spend it because what it is for is paid, whenever that becomes known: what is set aside counts though its
        time is over, and what was given back meanwhile is drawn anew. Nothing changes when it is spent already. Raises
        a Fault when it was given back and less is there.
        """
        if self.state is State.PAID:
            return self, purse, []
        if self.state is State.HELD:
            purse, paid = purse.confirm(self.parts, store=self.store, cause=self._cause("PAYMENT", now))
            return replace(self, state=State.PAID, end_time=now), purse, paid
        parts = purse.draw(self.asked, self.order)
        settled = replace(self, parts=parts, state=State.PAID, end_time=now)
        return settled, *purse.pay(parts, store=self.store, cause=self._cause("PAYMENT", now))

    def release(self, purse: Purse, now: datetime) -> tuple[StoredPayment, Purse, list[Transfer]]:
        """Give back what is set aside; nothing changes when it already is. Raises a Fault when it was paid."""
        if self.state is State.PAID:
            raise errors.payment_ended(self.id, self.state)
        if self.state is not State.HELD:
            return self, purse, []
        return self._given_back(purse, State.RELEASED, "RELEASE", now)

    def expire(self, purse: Purse, now: datetime) -> tuple[StoredPayment, Purse, list[Transfer]]:
        """Give back what is set aside because its time is over; nothing changes before that."""
        if self.state is not State.HELD or not self._is_over(now):
            return self, purse, []
        return self._given_back(purse, State.EXPIRED, "EXPIRE", now)

    def refund(
        self, refund: UUID, purse: Purse, amount: int, *, store: str, reference: str, now: datetime
    ) -> tuple[StoredPayment, StoredRefund, Purse, list[Transfer]]:
        """Give `amount` of what was paid back (0: all that is left) to where it came from.

        Each refund is the difference between the shares of what was given back after it and before it: whatever the
        parts, they end at exactly what was paid. Raises a Fault when nothing was paid, or less is left.
        """
        if self.state is not State.PAID:
            raise errors.payment_ended(self.id, self.state)
        left = self.left.total
        amount = amount or left
        if not 0 < amount <= left:
            raise errors.amount_exceeded(asked=self._money(amount), left=self._money(left))
        refunded = self.parts.share(self.refunded.total + amount)
        parts = refunded.less(self.refunded)
        made = StoredRefund(refund, self.id, self.owner, False, self.currency, store, reference, parts, now)
        cause = Cause("REFUND", made.name, now)
        return replace(self, refunded=refunded), made, *purse.give_back(parts, store=store, cause=cause)

    def _given_back(
        self, purse: Purse, state: State, kind: str, now: datetime
    ) -> tuple[StoredPayment, Purse, list[Transfer]]:
        ended = replace(self, state=state, end_time=now)
        return ended, *purse.release(self.parts, cause=self._cause(kind, now))

    def _is_over(self, now: datetime) -> bool:
        return self.expire_time is not None and self.expire_time <= now

    def _money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    def _cause(self, kind: str, time: datetime) -> Cause:
        return Cause(kind, self.name, time)
