"""The units of a flash sale after an order took them: paid, free again, sold again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit import names
from services.orders.domain.flash_sale import Bucket, Claim, Freed, Seat, There
from services.orders.domain.stock import Movement, MovementKind


class FlashSaleUnits(Protocol):
    """The stored units of flash sales, and the buckets that they come from."""

    def claim(self, claims: Sequence[Claim]) -> dict[UUID, list[int]]:
        """Claim the next units of members for their orders; answers which, by order: fewer than were asked for when the
        limit is reached, or when somebody else claimed the same at the same moment."""

    def unclaim(self, orders: Sequence[UUID]) -> None:
        """Give up units that were claimed in this transaction."""

    def bought(self, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], tuple[int, UUID]]:
        """How many units members have of sales, with one of their orders; those with none are missing."""

    def tiers(self, members: Sequence[UUID]) -> dict[UUID, str]:
        """The tiers of those of the members who reached one."""

    def lock(self, buckets: Sequence[tuple[UUID, int]]) -> list[Bucket]:
        """Those of the buckets with free units, which nobody else changes until the transaction ends."""

    def lock_all(self, sales: Sequence[UUID]) -> list[Bucket]:
        """All buckets of sales, which nobody else changes until the transaction ends."""

    def take(self, seats: Sequence[Seat], refused: Sequence[UUID]) -> None:
        """Take claimed units from locked buckets, and give up what refused orders claimed."""

    def pay(self, orders: Sequence[UUID]) -> None:
        """The held units of orders are sold; the same once more changes nothing."""

    def release(self, orders: Sequence[UUID]) -> list[Freed]:
        """The held units of orders are free again, or go back to stock if their sale is over."""

    def unsent(self, orders: Sequence[UUID]) -> dict[UUID, int]:
        """How many units of orders never left, or came back before they arrived, and are not in stock again."""

    def resell(self, there: Sequence[There]) -> list[Freed]:
        """The sold units of orders that are there are free again, where the sale's policy says so and it is not
        over."""

    def end(self, sales: Sequence[UUID]) -> list[tuple[UUID, int]]:
        """Close the buckets of sales; answers the free units of each, which are to go back to stock."""

    def resize(self, sale: UUID, units: Mapping[int, int]) -> None:
        """Give buckets more or fewer free units."""

    def hand_over(self, movements: Sequence[Movement], now: datetime) -> None:
        """Book that reserved units pass from a sale to its orders; the sum must be zero."""

    def astray(self) -> int:
        """How many units of the sales under way are counted in a state that no order of theirs is in."""


def released(units: FlashSaleUnits, orders: Sequence[UUID]) -> list[Movement]:
    """The orders let go what they held, and their own use-case frees the stock: a sale that goes on reserves it again,
    in the same transaction."""
    return [
        Movement(freed.place, MovementKind.RESERVED, 0, freed.units, source=names.join("flashSales", freed.sale))
        for freed in units.release(orders)
        if freed.resold
    ]


def resold(units: FlashSaleUnits, orders: Sequence[UUID], back: Sequence[Movement]) -> list[Movement]:
    """The orders were refunded in full before they were carried out. Where the policy says so, the sale has again what
    is there: the units that never left, which are in stock again with this, and those that come `back` undamaged (or
    never left, and a refund is the source), which are booked by that. All others stay sold: on their way, with the
    customer, damaged, or in stock since before."""
    unsent = units.unsent(orders)
    there = []
    for order in orders:
        booked = [movement for movement in back if movement.order == order]
        restocked = sum(movement.on_hand for movement in booked if movement.source)
        there.append(There(order, unsent[order] - restocked, sum(movement.on_hand for movement in booked)))
    return [
        Movement(
            freed.place,
            MovementKind.RETURNED if freed.unsent else MovementKind.RESERVED,
            freed.unsent,
            freed.units if freed.resold else 0,
            source=names.join("flashSales", freed.sale),
        )
        for freed in units.resell(there)
    ]
