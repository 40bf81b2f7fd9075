"""Holds: points set aside for a purpose until they are confirmed, released, or their time runs out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit.money import Money
from kit.posting import Cause, Transfer
from services.members.domain import errors
from services.members.domain.points import Wallet


class State(StrEnum):
    """Where a hold stands; every state but the first is final."""

    ACTIVE = "ACTIVE"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Hold:
    """Points of one member set aside. `confirmed` are those that were spent in the end, `value` what all are worth."""

    id: UUID
    member: UUID
    points: int
    value: Money
    source: str
    create_time: datetime
    expire_time: datetime
    state: State = State.ACTIVE
    confirmed: int = 0
    end_time: datetime | None = None

    @classmethod
    def place(
        cls, hold: UUID, wallet: Wallet, points: int, *, value: Money, source: str, now: datetime, ttl: timedelta
    ) -> tuple[Hold, Wallet, list[Transfer]]:
        """Set points of the wallet aside. Raises a Fault when fewer are available."""
        placed = cls(hold, wallet.member, points, value, source, create_time=now, expire_time=now + ttl)
        return placed, *wallet.hold(points, Cause("HOLD", source, now))

    def confirm(self, wallet: Wallet, points: int, now: datetime) -> tuple[Hold, Wallet, list[Transfer]]:
        """Spend `points` of the held ones (0: all) and release the rest; the same once more changes nothing.

        Raises a Fault when the hold ended otherwise, its time is over, or more is asked for than is held.
        """
        points = points or self.points
        if self.state is State.CONFIRMED and self.confirmed == points:
            return self, wallet, []
        if self.state is State.EXPIRED or (self.state is State.ACTIVE and self.expire_time <= now):
            raise errors.hold_expired(self.id)
        if self.state is not State.ACTIVE:
            raise errors.hold_ended(self.id, self.state)
        if points > self.points:
            raise errors.hold_exceeded(held=self.points, asked=points)
        return self._confirmed(wallet, points, now)

    def settle(self, wallet: Wallet, now: datetime) -> tuple[Hold, Wallet, list[Transfer]]:
        """What the points were held for is paid for, so they are spent, whatever the clock says.

        The news of the payment may come after the hold has ended. Then its points, which became available again, are
        charged; the end that the hold came to stays as it is.
        """
        if self.state is State.ACTIVE:
            return self._confirmed(wallet, self.points, now)
        if self.confirmed:
            return self, wallet, []
        charged = replace(self, confirmed=self.points)
        return charged, *wallet.charge(self.points, Cause("SPEND", self.source, now))

    def release(self, wallet: Wallet, now: datetime) -> tuple[Hold, Wallet, list[Transfer]]:
        """Give the points back; nothing changes when they already are. Raises a Fault when they are spent."""
        if self.state is State.CONFIRMED:
            raise errors.hold_ended(self.id, self.state)
        if self.state is not State.ACTIVE:
            return self, wallet, []
        return self._given_back(wallet, State.RELEASED, Cause("RELEASE", self.source, now))

    def expire(self, wallet: Wallet, now: datetime) -> tuple[Hold, Wallet, list[Transfer]]:
        """Give the points of an active hold back because its time is over; nothing changes before that."""
        if self.state is not State.ACTIVE or self.expire_time > now:
            return self, wallet, []
        return self._given_back(wallet, State.EXPIRED, Cause("EXPIRE", self.source, now))

    def _confirmed(self, wallet: Wallet, points: int, now: datetime) -> tuple[Hold, Wallet, list[Transfer]]:
        wallet, spent = wallet.confirm(points, Cause("CONFIRM", self.source, now))
        wallet, rest = wallet.release(self.points - points, Cause("RELEASE", self.source, now))
        return replace(self, state=State.CONFIRMED, confirmed=points, end_time=now), wallet, [*spent, *rest]

    def _given_back(self, wallet: Wallet, state: State, cause: Cause) -> tuple[Hold, Wallet, list[Transfer]]:
        return replace(self, state=state, end_time=cause.time), *wallet.release(self.points, cause)
