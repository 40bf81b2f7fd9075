"""Units that an order was promised before they arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.orders.domain.stock import Movement, MovementKind, Place


@dataclass(frozen=True, slots=True)
class Backorder:
    """`units` at a place are still to arrive for an order. The lower the `position`, the older the promise."""

    position: int
    order: UUID
    place: Place
    units: int
    paid: bool
    create_time: datetime | None = None


def fill(promises: Iterable[Backorder], there: Mapping[Place, int]) -> tuple[dict[int, int], list[Movement]]:
    """Give what is there to the promises, in their order; answers the units of each, and what moves: set aside for an
    order that waits for its payment, taken away by one that is paid."""
    left = dict(there)
    filled: Counter[int] = Counter()
    movements: list[Movement] = []
    for promise in promises:
        units = min(promise.units, left.get(promise.place, 0))
        if units <= 0:
            continue
        left[promise.place] -= units
        filled[promise.position] = units
        movements.append(_arrival(promise, units))
    return dict(filled), movements


def give_up(
    promises: Iterable[Backorder], given_back: Mapping[tuple[UUID, Place], int]
) -> tuple[dict[int, int], list[Movement]]:
    """Take units that orders gave back, told by order and place, out of what they still wait for; answers the units of
    each promise that nobody wants any more, and what moves."""
    left = dict(given_back)
    given_up: dict[int, int] = {}
    movements: list[Movement] = []
    for promise in promises:
        key = promise.order, promise.place
        units = min(promise.units, left.get(key, 0))
        if units <= 0:
            continue
        left[key] -= units
        given_up[promise.position] = units
        movements.append(Movement(promise.place, MovementKind.RELEASED, 0, 0, promise.order, backordered=-units))
    return given_up, movements


def _arrival(promise: Backorder, units: int) -> Movement:
    taken = -units if promise.paid else 0
    set_aside = 0 if promise.paid else units
    return Movement(promise.place, MovementKind.FILLED, taken, set_aside, promise.order, backordered=-units)
