"""A count: what lies at a location, counted by people, against what the books say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from kit import names
from services.orders.domain import errors as common
from services.orders.domain.errors import stock as errors
from services.orders.domain.stock import Movement, MovementKind, Place, Stock, adjust


class CountState(StrEnum):
    """Where a count stands."""

    OPEN = "OPEN"
    POSTED = "POSTED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class CountLine:
    """What was counted of a product, and how many the books said at that moment. What is sold between then and the
    posting changes both, so that the difference stays right."""

    product: UUID
    counted: int
    expected: int
    time: datetime

    @property
    def difference(self) -> int:
        """Units too many, or too few when negative."""
        return self.counted - self.expected


@dataclass(frozen=True, slots=True)
class StockCount:
    """A count at a location. `version` counts its changes."""

    id: UUID
    location: str
    note: str
    state: CountState
    create_time: datetime
    end_time: datetime | None
    version: int
    lines: tuple[CountLine, ...] = ()

    @classmethod
    def begin(cls, count_id: UUID, *, location: str, note: str, now: datetime) -> StockCount:
        """A count without lines."""
        return cls(count_id, location, note, CountState.OPEN, now, None, 1)

    @property
    def name(self) -> str:
        """The resource name."""
        return names.join("stockCounts", self.id)

    def enter(self, counted: Mapping[UUID, int], stocks: Mapping[Place, Stock], now: datetime) -> StockCount:
        """With what was counted just now; a product that was counted again counts anew."""
        self._check()
        entered = {product: self._line(product, units, stocks, now) for product, units in counted.items()}
        lines = {line.product: line for line in self.lines} | entered
        return replace(self, lines=tuple(lines[product] for product in sorted(lines)), version=self.version + 1)

    def post(self, stocks: Mapping[Place, Stock], now: datetime) -> tuple[StockCount, list[Movement]]:
        """Posted: the books say from now on what was counted. Raises a Fault when reserved units would be missing."""
        self._check()
        movements = [
            adjust(
                stocks[Place(line.product, self.location)],
                line.difference,
                kind=MovementKind.COUNTED,
                note=self.note,
                source=self.name,
            )
            for line in self.lines
            if line.difference
        ]
        return self._ended(CountState.POSTED, now), movements

    def cancel(self, now: datetime) -> StockCount:
        """Given up: the books stay as they are."""
        self._check()
        return self._ended(CountState.CANCELLED, now)

    def _line(self, product: UUID, units: int, stocks: Mapping[Place, Stock], now: datetime) -> CountLine:
        place = Place(product, self.location)
        if place not in stocks:
            raise common.stock_not_found(place.name)
        return CountLine(product, units, stocks[place].on_hand, now)

    def _check(self) -> None:
        if self.state is not CountState.OPEN:
            raise errors.document_ended(self.name, self.state.value)

    def _ended(self, state: CountState, now: datetime) -> StockCount:
        return replace(self, state=state, end_time=now, version=self.version + 1)
