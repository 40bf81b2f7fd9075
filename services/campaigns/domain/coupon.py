"""A coupon: a promise to one member, held by at most one order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit.errors import Fault
from services.campaigns.domain import errors
from services.campaigns.domain.events import CouponReturned, CouponUsed


class State(StrEnum):
    """Where a coupon stands."""

    ISSUED = "ISSUED"
    LOCKED = "LOCKED"
    USED = "USED"
    EXPIRED = "EXPIRED"
    VOID = "VOID"


class Step(StrEnum):
    """What can happen to a coupon."""

    LOCK = "LOCK"
    UNLOCK = "UNLOCK"
    USE = "USE"
    RETURN = "RETURN"
    EXPIRE = "EXPIRE"
    VOID = "VOID"


TRANSITIONS: Mapping[tuple[State, Step], State] = {
    (State.ISSUED, Step.LOCK): State.LOCKED,
    (State.ISSUED, Step.EXPIRE): State.EXPIRED,
    (State.ISSUED, Step.VOID): State.VOID,
    (State.LOCKED, Step.UNLOCK): State.ISSUED,
    (State.LOCKED, Step.USE): State.USED,
    (State.USED, Step.RETURN): State.ISSUED,
}
"""What can become of a coupon; nothing else happens to it. An expiry that falls into a lock waits for its end: LOCKED,
ISSUED, EXPIRED. So does one that falls into its use, if it comes back: USED, ISSUED, EXPIRED."""

_UNUSABLE = {
    State.LOCKED: errors.coupon_locked,
    State.USED: errors.coupon_used,
    State.EXPIRED: errors.coupon_expired,
    State.VOID: errors.coupon_void,
}


@dataclass(frozen=True, slots=True)
class Coupon:
    """One coupon. Its validity is half-open: from `start_time` up to, without, `expire_time`.

    `origin` is the member it was issued to, when `member` stands for that one: they were merged. `checkout` is which
    checkout of its order locked it, unless that placed the order.
    """

    id: UUID
    template: UUID
    member: UUID
    cause: str
    issue_time: datetime
    start_time: datetime
    expire_time: datetime
    state: State = State.ISSUED
    order: UUID | None = None
    lock_expire_time: datetime | None = None
    use_time: datetime | None = None
    version: int = 1
    origin: UUID | None = None
    checkout: UUID | None = None

    @property
    def came_under(self) -> UUID:
        """The member it was issued to, whoever stands for that one now."""
        return self.origin or self.member

    def of(self, root: UUID | None) -> Coupon:
        """The coupon of the member who stands for its member, if another one does."""
        return self if root is None else replace(self, member=root, origin=self.member)

    def settled(self, now: datetime) -> Coupon:
        """What time alone has made of it: a lock that ran out is open, a validity that ended has expired."""
        over = self.state is State.LOCKED and self.lock_expire_time is not None and self.lock_expire_time <= now
        return _expired(_opened(self) if over else self, now)

    def held_by(self, order: UUID) -> bool:
        """Whether the order has it locked."""
        return self.state is State.LOCKED and self.order == order

    def refusal(self, member: UUID | None, now: datetime) -> Fault | None:
        """Why the member can't use it now, or None."""
        coupon = self.settled(now)
        if coupon.member != member:
            return errors.coupon_of_another_member(self.id)
        if coupon.state is not State.ISSUED:
            return _UNUSABLE[coupon.state](self.id)
        return errors.coupon_not_yet_valid(self.id) if now < coupon.start_time else None

    def lock(
        self, order: UUID, *, member: UUID, until: datetime, now: datetime, checkout: UUID | None = None
    ) -> Coupon:
        """Hold it for an order until an instant; again for the same order moves that instant, and the lock is that of
        the `checkout` from then on. Raises a Fault."""
        if self.held_by(order) and self.member == member:
            return replace(self, lock_expire_time=until, checkout=checkout, version=self.version + 1)
        refusal = self.refusal(member, now)
        if refusal is not None:
            raise refusal
        return replace(_become(self.settled(now), Step.LOCK, order=order), lock_expire_time=until, checkout=checkout)

    def use(self, order: UUID, now: datetime) -> tuple[Coupon, list[CouponUsed]]:
        """Use it up for a paid order. Raises a Fault.

        The lock is honoured even when it ran out, as long as no other order has the coupon; so is a payment that came
        after the lock was opened, within the validity.
        """
        if self.state is State.USED and self.order == order:
            return self, []
        held = self if self.held_by(order) else self.lock(order, member=self.member, until=now, now=now)
        used = replace(_become(held, Step.USE, order=order), use_time=now)
        return used, [CouponUsed(used.id, used.member, order, now, used.version)]

    def unlock(self, order: UUID, now: datetime, *, checkout: UUID | None = None) -> Coupon:
        """Give it back after an order, or a later `checkout` of it, was given up. Whatever that does not hold stays as
        it is: news of an order's end may come when a checkout has brought it back."""
        return _expired(_opened(self), now) if self.held_by(order) and self.checkout == checkout else self

    def give_back(
        self, order: UUID, now: datetime, *, extension: timedelta = timedelta()
    ) -> tuple[Coupon, list[CouponReturned]]:
        """Open again after all of the order that used it was refunded, for at least the `extension` from now on.

        Without one, what is over by now has expired. Whatever that order did not use stays as it is.
        """
        if not (self.state is State.USED and self.order == order):
            return self, []
        until = max(self.expire_time, now + extension) if extension else self.expire_time
        opened = replace(_become(self, Step.RETURN), use_time=None, expire_time=until)
        back = _expired(opened, now)
        told = CouponReturned(back.id, back.member, order, time=now, expire_time=until, version=back.version)
        return back, [told] if back is opened else []

    def void(self, now: datetime) -> Coupon:
        """Take it back for good. Raises a Fault when an order holds or used it, or it has expired."""
        return self if self.state is State.VOID else _become(self.settled(now), Step.VOID)

    def taken_back(self, now: datetime) -> Coupon:
        """Void, if no order holds or used it and it has not expired; else as time has left it."""
        settled = self.settled(now)
        return settled.void(now) if settled.state is State.ISSUED else settled


def _opened(coupon: Coupon) -> Coupon:
    return _become(coupon, Step.UNLOCK)


def _expired(coupon: Coupon, now: datetime) -> Coupon:
    over = coupon.state is State.ISSUED and coupon.expire_time <= now
    return _become(coupon, Step.EXPIRE) if over else coupon


def _become(coupon: Coupon, step: Step, *, order: UUID | None = None) -> Coupon:
    """The coupon after a step, if the table allows that."""
    state = TRANSITIONS.get((coupon.state, step))
    if state is None:
        raise _UNUSABLE[coupon.state](coupon.id)
    return replace(coupon, state=state, order=order, checkout=None, lock_expire_time=None, version=coupon.version + 1)
