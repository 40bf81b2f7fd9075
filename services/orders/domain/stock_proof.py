"""Whether stock is what its history and its holders say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.orders.domain.stock import Place


@dataclass(frozen=True, slots=True)
class Units:
    """Units of one kind at a place, as they are kept and as they are explained."""

    kept: int
    explained: int


@dataclass(frozen=True, slots=True)
class StockDifference:
    """A place whose stock is not what it should be: not the sum of its movements, or reserved and promised units that
    nobody holds or that are held twice."""

    place: Place
    on_hand: Units
    reserved: Units
    backordered: Units
    held: Units
    owed: Units

    def sentences(self) -> Iterator[str]:
        """What differs, a line each."""
        for what, units, by in (
            ("on hand", self.on_hand, "its movements sum to"),
            ("reserved", self.reserved, "its movements sum to"),
            ("backordered", self.backordered, "its movements sum to"),
            ("reserved", self.held, "orders, reservations and flash sales hold"),
            ("backordered", self.owed, "orders still wait for"),
        ):
            if units.kept != units.explained:
                yield f"{self.place.name}: {units.kept} {what}, but {by} {units.explained}"


@dataclass(frozen=True, slots=True)
class StockReport:
    """What was compared, and what differs."""

    places: int
    movements: int
    orders: int
    reservations: int
    differences: tuple[StockDifference, ...]

    def summary(self) -> str:
        """In a sentence."""
        verdict = f"{len(self.differences)} places differ" if self.differences else "nothing differs"
        return (
            f"{self.places:,} places, {self.movements:,} movements, {self.orders:,} orders that wait for payment, "
            f"{self.reservations:,} reservations: {verdict}"
        )
