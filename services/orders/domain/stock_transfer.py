"""A transfer: units on their way from one location to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from kit.errors import invalid
from services.orders.domain.errors import stock as errors
from services.orders.domain.stock import Movement, MovementKind, Place


class TransferState(StrEnum):
    """Where a transfer stands."""

    IN_TRANSIT = "IN_TRANSIT"
    RECEIVED = "RECEIVED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class TransferItem:
    """Units of a product that left; `received` of them arrived."""

    product: UUID
    shipped: int
    received: int = 0


@dataclass(frozen=True, slots=True)
class StockTransfer:
    """Units that left `origin` for `destination`. `version` counts its changes."""

    id: UUID
    origin: str
    destination: str
    items: tuple[TransferItem, ...]
    note: str
    state: TransferState
    create_time: datetime
    end_time: datetime | None
    version: int

    @classmethod
    def ship(
        cls,
        transfer_id: UUID,
        *,
        origin: str,
        destination: str,
        items: Sequence[tuple[UUID, int]],
        note: str,
        now: datetime,
    ) -> StockTransfer:
        """Units leave. Raises a Fault when they go nowhere."""
        if origin == destination:
            raise invalid("stock_transfer.destination", "must be another location")
        units: Counter[UUID] = Counter()
        for product, quantity in items:
            units[product] += quantity
        shipped = tuple(TransferItem(product, quantity) for product, quantity in sorted(units.items()))
        return cls(transfer_id, origin, destination, shipped, note, TransferState.IN_TRANSIT, now, None, 1)

    @property
    def name(self) -> str:
        """The resource name."""
        return names.join("stockTransfers", self.id)

    def departure(self) -> list[Movement]:
        """What leaves the origin."""
        return [self._move(MovementKind.SHIPPED, self.origin, item.product, -item.shipped) for item in self.items]

    def receive(self, received: Mapping[UUID, int] | None, now: datetime) -> tuple[StockTransfer, list[Movement]]:
        """Arrived: all of it, or what is said of each product; the rest is lost on the way. Raises a Fault when it
        ended before, or more arrived than left."""
        self._check()
        items = tuple(replace(item, received=_arrived(item, received)) for item in self.items)
        strange = set(received or ()) - {item.product for item in self.items}
        if strange:
            raise invalid("items", f"{names.join('products', min(strange))} is not part of the transfer")
        arrived = [
            self._move(MovementKind.ARRIVED, self.destination, item.product, item.received)
            for item in items
            if item.received
        ]
        return replace(self._ended(TransferState.RECEIVED, now), items=items), arrived

    def cancel(self, now: datetime) -> tuple[StockTransfer, list[Movement]]:
        """Everything came back to the origin."""
        self._check()
        back = [self._move(MovementKind.ARRIVED, self.origin, item.product, item.shipped) for item in self.items]
        return self._ended(TransferState.CANCELLED, now), back

    def _check(self) -> None:
        if self.state is not TransferState.IN_TRANSIT:
            raise errors.document_ended(self.name, self.state.value)

    def _ended(self, state: TransferState, now: datetime) -> StockTransfer:
        return replace(self, state=state, end_time=now, version=self.version + 1)

    def _move(self, kind: MovementKind, location: str, product: UUID, units: int) -> Movement:
        return Movement(Place(product, location), kind, units, 0, note=self.note, source=self.name)


def _arrived(item: TransferItem, received: Mapping[UUID, int] | None) -> int:
    units = item.shipped if received is None else received.get(item.product, 0)
    if units > item.shipped:
        raise invalid("items", f"{units} units of {names.join('products', item.product)} arrived, {item.shipped} left")
    return units
