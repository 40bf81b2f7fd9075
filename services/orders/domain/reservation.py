"""A reservation: units set aside for a while, for a cart, a till or an offer. It ends once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from services.orders.domain.errors import stock as errors
from services.orders.domain.stock import Demand, Place


class ReservationState(StrEnum):
    """Where a reservation stands."""

    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


class ReservationStep(StrEnum):
    """What can happen to a reservation."""

    CONFIRM = "CONFIRM"
    RELEASE = "RELEASE"
    EXPIRE = "EXPIRE"


TRANSITIONS: Mapping[tuple[ReservationState, ReservationStep], ReservationState] = {
    (ReservationState.HELD, ReservationStep.CONFIRM): ReservationState.CONFIRMED,
    (ReservationState.HELD, ReservationStep.RELEASE): ReservationState.RELEASED,
    (ReservationState.HELD, ReservationStep.EXPIRE): ReservationState.EXPIRED,
}
"""The state machine. Nothing else happens to a reservation; the step that ended it, repeated, changes nothing."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units of products at one location, set aside until `expire_time`. `source` says for what, as the caller likes;
    `order` is the order that took its units over."""

    id: UUID
    location: str
    items: tuple[tuple[UUID, int], ...]
    source: str
    state: ReservationState
    create_time: datetime
    expire_time: datetime
    end_time: datetime | None
    order: UUID | None
    version: int

    @classmethod
    def hold(
        cls,
        reservation_id: UUID,
        *,
        location: str,
        items: Sequence[tuple[UUID, int]],
        source: str,
        now: datetime,
        expire_time: datetime,
    ) -> Reservation:
        """A reservation that begins; the same product in several items is counted once and for all."""
        units: Counter[UUID] = Counter()
        for product, quantity in items:
            units[product] += quantity
        return cls(
            reservation_id,
            location,
            tuple(sorted(units.items())),
            source,
            ReservationState.HELD,
            create_time=now,
            expire_time=expire_time,
            end_time=None,
            order=None,
            version=1,
        )

    @property
    def name(self) -> str:
        """The resource name."""
        return names.join("reservations", self.id)

    def at(self, location: str) -> Reservation:
        """The new reservation, once it is known where its units lie."""
        return replace(self, location=location)

    def demand(self) -> Demand:
        """What it holds while it is HELD."""
        return {Place(product, self.location): units for product, units in self.items}

    def end(self, step: ReservationStep, now: datetime, *, order: UUID | None = None) -> Reservation | None:
        """Ended; None when the very same step ended it before. Raises a Fault when another did, or its time is over."""
        after = TRANSITIONS.get((self.state, step))
        if after is None:
            if self.state is TRANSITIONS[ReservationState.HELD, step] and self.order == order:
                return None
            raise errors.reservation_ended(self.id, self.state.value)
        if step is ReservationStep.CONFIRM and now >= self.expire_time:
            raise errors.reservation_ended(self.id, ReservationState.EXPIRED.value)
        return replace(self, state=after, end_time=now, order=order, version=self.version + 1)
