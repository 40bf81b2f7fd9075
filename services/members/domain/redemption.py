"""Redemptions: a member's points for a reward, from setting aside to delivery or back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.money import Money
from services.members.domain.errors import mall as errors
from services.members.domain.programme import DEFAULT
from services.members.domain.reward import Kind, Pieces, Reward, Share


class State(StrEnum):
    """Where a redemption stands."""

    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    FULFILLED = "FULFILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REFUNDED = "REFUNDED"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the reward came to the member; one of them, or none yet. `digest` is that of the code to pick it up with."""

    voucher_code: str = ""
    tracking_number: str = ""
    pickup_store: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Redemption:
    """One redemption, with the price that it was asked for at: points of `programme`, and cash. `day` is the day that
    its limits count it for.

    Methods answer the redemption after them, itself when nothing changes, and the facts.
    """

    id: UUID
    member: UUID
    reward: UUID
    quantity: int
    points: int
    cash: Money | None
    hold: UUID
    day: str
    store: str
    create_time: datetime
    expire_time: datetime | None
    state: State = State.HELD
    payment: str = ""
    delivery: Delivery = Delivery()
    refund_payment: str = ""
    restocked: bool = False
    confirm_time: datetime | None = None
    fulfil_time: datetime | None = None
    end_time: datetime | None = None
    version: int = 1
    programme: str = DEFAULT
    refusal: str = ""
    """Why its reward could not be delivered."""

    @classmethod
    def asked(
        cls,
        redemption: UUID,
        reward: Reward,
        quantity: int,
        *,
        member: UUID,
        hold: UUID,
        day: str,
        store: str,
        now: datetime,
        ttl: timedelta,
    ) -> Redemption:
        """Asked for now, at the price of now; it must be paid within `ttl` if it costs cash."""
        price = reward.offer.cash
        return cls(
            redemption,
            member,
            reward.id,
            quantity,
            points=reward.offer.points * quantity,
            cash=price * quantity if price else None,
            hold=hold,
            day=day,
            store=store,
            create_time=now,
            expire_time=now + ttl if price else None,
            programme=reward.offer.programme,
        )

    @property
    def source(self) -> str:
        """Its name, as what the entries of its points come from."""
        return names.join("members", self.member, "redemptions", self.id)

    @property
    def share(self) -> Share:
        """Which counts of its member it belongs to."""
        return Share(self.reward, self.member, self.day)

    @property
    def pieces(self) -> Pieces:
        """What it takes of the reward, which follows from its state alone."""
        match self.state:
            case State.HELD:
                return Pieces(held=self.quantity, taken=self.quantity)
            case State.CONFIRMED | State.FULFILLED:
                return Pieces(redeemed=self.quantity, taken=self.quantity)
            case State.REFUNDED if not self.restocked:
                return Pieces(redeemed=self.quantity)
            case _:
                return Pieces()

    @property
    def waits_for_cash(self) -> bool:
        """Whether its reward can't be delivered, and the cash is to be given back before it can be taken back."""
        return self.state is State.CONFIRMED and bool(self.refusal)

    def overdue(self, now: datetime) -> bool:
        """Whether its time to be paid is over and it was not."""
        waits = self.state is State.HELD and self.expire_time is not None
        return self.state is State.EXPIRED or (waits and self.expire_time <= now)  # type: ignore[operator]

    def check_payment(self, payment: str, paid: Money) -> bool:
        """Whether this payment confirmed it before. Raises a Fault when it can't confirm it at all."""
        if self.payment == payment:
            return True
        if self.state not in (State.HELD, State.EXPIRED) or self.cash is None:
            raise errors.redemption_state_wrong(self.id, self.state)
        if paid != self.cash:
            raise errors.payment_mismatch("paid", f"must be {self.cash}")
        return False

    def with_hold(self, hold: UUID) -> Redemption:
        """With its points in another hold, as the one that it had is over."""
        return replace(self, hold=hold)

    def confirmed(self, reward: Reward, payment: str, now: datetime) -> tuple[Redemption, list[object]]:
        """Its points are spent and its cash is paid."""
        after = self._moved(State.CONFIRMED, payment=payment, confirm_time=now, end_time=None)
        return after, [RedemptionConfirmed(after, reward.kind, reward.offer.item)]

    def cancelled(self, now: datetime) -> tuple[Redemption, list[object]]:
        """Given up before it was paid. Raises a Fault when it is confirmed already."""
        if self.state in (State.CANCELLED, State.EXPIRED):
            return self, []
        if self.state is not State.HELD:
            raise errors.redemption_state_wrong(self.id, self.state)
        return self._dropped(State.CANCELLED, now)

    def expired(self, now: datetime) -> tuple[Redemption, list[object]]:
        """Not paid in time; nothing changes before that."""
        return self._dropped(State.EXPIRED, now) if self.state is State.HELD and self.overdue(now) else (self, [])

    def fulfilled(self, delivery: Delivery, now: datetime) -> Redemption:
        """Delivered. Raises a Fault unless it is confirmed, or was delivered in the very same way."""
        if self.state is State.FULFILLED and self.delivery == replace(delivery, digest=self.delivery.digest):
            return self
        if self.state is not State.CONFIRMED:
            raise errors.redemption_state_wrong(self.id, self.state)
        delivery = replace(delivery, digest=self.delivery.digest)
        return self._moved(State.FULFILLED, delivery=delivery, fulfil_time=now)

    def with_code(self, digest: str) -> Redemption:
        """To be picked up with the code of this digest, and no other one. Raises a Fault unless it waits for that."""
        if self.state is not State.CONFIRMED:
            raise errors.redemption_state_wrong(self.id, self.state)
        return self._moved(State.CONFIRMED, delivery=Delivery(digest=digest))

    def picked_up(self, store: str, now: datetime) -> Redemption:
        """Handed over against its code. Raises a Fault when the code was used, or the redemption taken back."""
        if self.state is not State.CONFIRMED:
            raise errors.redemption_code_invalid(f"the redemption is {self.state.lower()}")
        return self._moved(State.FULFILLED, delivery=replace(self.delivery, pickup_store=store), fulfil_time=now)

    def refunded(self, refund_payment: str, now: datetime, *, restock: bool) -> tuple[Redemption, list[object]]:
        """Taken back. Raises a Fault unless it was confirmed, or was taken back in the very same way."""
        if self.state is State.REFUNDED and (self.refund_payment, self.restocked) == (refund_payment, restock):
            return self, []
        if self.state not in (State.CONFIRMED, State.FULFILLED):
            raise errors.redemption_state_wrong(self.id, self.state)
        if bool(refund_payment) != (self.cash is not None):
            raise errors.payment_mismatch("refund_payment", "must say what gave the cash back, if there was any")
        after = self._moved(State.REFUNDED, refund_payment=refund_payment, restocked=restock, end_time=now)
        return after, [RedemptionRefunded(after)]

    def delivered(self, now: datetime) -> Redemption:
        """Its reward was delivered by another service; nothing changes once it was fulfilled or taken back."""
        if self.state is not State.CONFIRMED:
            return self
        return self._moved(State.FULFILLED, fulfil_time=now)

    def refused(self, reason: str, now: datetime) -> tuple[Redemption, list[object]]:
        """Its reward can't be delivered, so it is taken back; nothing changes once it was fulfilled or taken back.

        If cash was paid, it keeps the reason and waits for whoever gives the cash back.
        """
        if self.state is not State.CONFIRMED or self.refusal:
            return self, []
        told = self._moved(State.CONFIRMED, refusal=reason)
        return (told, [RedemptionRefused(told)]) if self.cash else told.refunded("", now, restock=True)

    def repaid(self, now: datetime) -> tuple[Redemption, list[object]]:
        """Taken back if it waits for its cash, which the order that it was paid by has given back."""
        return self.refunded(self.payment, now, restock=True) if self.waits_for_cash else (self, [])

    def _dropped(self, state: State, now: datetime) -> tuple[Redemption, list[object]]:
        after = self._moved(state, end_time=now)
        return after, [RedemptionCancelled(after)]

    def _moved(self, state: State, **fields: object) -> Redemption:
        return replace(self, state=state, version=self.version + 1, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class RedemptionConfirmed:
    """Points were redeemed, and cash paid if there is a price: the `item`, a thing of this kind, is to be delivered."""

    redemption: Redemption
    kind: Kind
    item: str


@dataclass(frozen=True, slots=True)
class RedemptionCancelled:
    """A redemption was given up, or its time ran out."""

    redemption: Redemption


@dataclass(frozen=True, slots=True)
class RedemptionRefused:
    """The reward of a redemption can't be delivered, and the cash that was paid for it is to be given back."""

    redemption: Redemption


@dataclass(frozen=True, slots=True)
class RedemptionRefunded:
    """A confirmed redemption was taken back."""

    redemption: Redemption
