"""Members give points to each other, as far as the policy lets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from kit import names
from kit.posting import Cause, Transfer
from services.members.domain.errors import mall as errors
from services.members.domain.points import Part, Wallet, parts_of
from services.members.domain.programme import DEFAULT, Programme


@dataclass(frozen=True, slots=True)
class Policy:
    """At most so many points of a programme a day from one member, and no fewer than the minimum at once. 0 a day is
    none at all."""

    daily_limit: int
    minimum: int
    update_time: datetime
    version: int = 1
    programme: str = DEFAULT

    def changed(self, daily_limit: int, minimum: int, now: datetime) -> Policy:
        """With other limits; itself when they are the same."""
        if (daily_limit, minimum) == (self.daily_limit, self.minimum):
            return self
        return replace(self, daily_limit=daily_limit, minimum=minimum, update_time=now, version=self.version + 1)

    def check(self, points: int, given: int) -> None:
        """Raise a Fault when a member who has given so many today may not give these."""
        if not self.daily_limit:
            raise errors.point_transfer_refused("the policy does not allow it")
        if points < self.minimum:
            raise errors.point_transfer_refused("they are too few", minimum=self.minimum)
        if given + points > self.daily_limit:
            raise errors.point_transfer_refused("they are too many for a day", limit=self.daily_limit, given=given)


@dataclass(frozen=True, slots=True)
class PointTransfer:
    """Points of a programme that one member gave to another. `day` is the day that the limit counts them for."""

    id: UUID
    member: UUID
    recipient: UUID
    points: int
    day: str
    create_time: datetime
    programme: str = DEFAULT

    @property
    def source(self) -> str:
        """Its name, as what the entries of its points come from."""
        return names.join("members", self.member, "pointTransfers", self.id)

    def post(
        self, giver: Wallet, recipient: Wallet, programme: Programme, *, new_lot: Callable[[], UUID]
    ) -> tuple[Wallet, Wallet, list[Transfer]]:
        """Move the points; answers both wallets. They expire when they would have with the giver.

        Raises a Fault when the giver has fewer, or the two are one.
        """
        if giver.member == recipient.member:
            raise errors.point_transfer_refused("both are the same member")
        cause = Cause("TRANSFER", self.source, self.create_time)
        ends = {lot.id: lot.expire_time for lot in giver.lots}
        giver, transfers = giver.spend(self.points, cause)
        amounts: dict[datetime | None, int] = {}
        for part in parts_of(transfers):
            end = ends[part.lot] if part.lot else None
            amounts[end] = amounts.get(end, 0) + part.points
        for end, points in amounts.items():
            terms = programme.terms_until(self.create_time, end)
            recipient, received = recipient.give_back(
                [Part(None, points)], cause, lot=new_lot(), terms=terms, now=self.create_time
            )
            transfers = [*transfers, *received]
        return giver, recipient, transfers


@dataclass(frozen=True, slots=True)
class PointsTransferred:
    """A member gave points to another."""

    transfer: PointTransfer
