"""Holds: points set aside for a purpose until they are confirmed, released, or their time runs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from kit.money import Money
from kit.posting import Cause, Transfer, draw
from services.members.domain import errors
from services.members.domain.points import Part, Terms, Wallet, parts_of
from services.members.domain.programme import DEFAULT, Programme


class State(StrEnum):
    """Where a hold stands; every state but the first is final."""

    ACTIVE = "ACTIVE"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Hold:
    """Points of one member in one programme, set aside. `confirmed` are those that were spent in the end, `value` what
    all are worth.

    `parts` are the lots that they were drawn from, in that order; `returned` the spent points that came back.
    """

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
    parts: tuple[Part, ...] = ()
    returned: int = 0
    programme: str = DEFAULT

    @classmethod
    def place(
        cls,
        hold: UUID,
        wallet: Wallet,
        points: int,
        *,
        programme: Programme,
        source: str,
        now: datetime,
        ttl: timedelta,
    ) -> tuple[Hold, Wallet, list[Transfer]]:
        """Set points of the wallet aside, which is one of the programme. Raises a Fault when fewer are available."""
        wallet, transfers = wallet.hold(points, Cause("HOLD", source, now))
        placed = cls(
            hold,
            wallet.member,
            points,
            programme.worth(points),
            source,
            create_time=now,
            expire_time=now + ttl,
            parts=parts_of(transfers),
            programme=programme.id,
        )
        return placed, wallet, transfers

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
        wallet, transfers = wallet.charge(self.points, Cause("SPEND", self.source, now))
        return replace(self, confirmed=self.points, parts=parts_of(transfers)), wallet, transfers

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

    def refund(
        self, wallet: Wallet, total: int, now: datetime, *, lot: UUID, terms: Terms | None
    ) -> tuple[Hold, Wallet, list[Transfer]]:
        """What was bought goes back, so `total` of the spent points are given back by all refunds so far.

        They return to the lots that they were drawn from, what was spent last first; see `Wallet.give_back` for those
        whose time is over. A smaller total than before is old news. Raises a Fault for more than was spent.
        """
        if total > self.confirmed:
            raise errors.hold_exceeded(held=self.confirmed, asked=total)
        if total <= self.returned:
            return self, wallet, []
        spent, _ = divided(self.parts or [Part(None, self.points)], self.confirmed)  # some are older than lots
        still, _ = divided(spent, self.confirmed - self.returned)
        _, back = divided(still, self.confirmed - total)
        cause = Cause("RETURN", self.source, now)
        wallet, transfers = wallet.give_back(back, cause, lot=lot, terms=terms, now=now)
        return replace(self, returned=total), wallet, transfers

    def _confirmed(self, wallet: Wallet, points: int, now: datetime) -> tuple[Hold, Wallet, list[Transfer]]:
        spent, rest = divided(self.parts, points)
        wallet, confirmed = wallet.confirm(spent, Cause("CONFIRM", self.source, now))
        wallet, released = wallet.release(rest, Cause("RELEASE", self.source, now), now)
        ended = replace(self, state=State.CONFIRMED, confirmed=points, end_time=now)
        return ended, wallet, [*confirmed, *released]

    def _given_back(self, wallet: Wallet, state: State, cause: Cause) -> tuple[Hold, Wallet, list[Transfer]]:
        ended = replace(self, state=state, end_time=cause.time)
        return ended, *wallet.release(self.parts, cause, cause.time)


def divided(parts: Sequence[Part], points: int) -> tuple[list[Part], list[Part]]:
    """The first so many points of these parts, and the rest.

    >>> divided([Part(None, 5), Part(None, 5)], 7)
    ([Part(lot=None, points=5), Part(lot=None, points=2)], [Part(lot=None, points=3)])
    """
    first = draw(points, [part.points for part in parts])[:-1]
    pairs = list(zip(parts, first, strict=True))
    return (
        [Part(part.lot, taken) for part, taken in pairs if taken],
        [Part(part.lot, part.points - taken) for part, taken in pairs if part.points > taken],
    )
