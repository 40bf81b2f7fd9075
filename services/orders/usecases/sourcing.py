"""Which location serves an order. Pure: the shelf and the locations are given.

An order is served whole by one location. Whoever lets several serve one order begins here.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from services.orders.domain import errors
from services.orders.domain.errors import stock as refusals
from services.orders.domain.location import Location
from services.orders.domain.stock import Demand, Place, Shelf

Wanted = Mapping[UUID, int]
"""Units by product: all lines of an order together, bundles taken apart."""


def source(wanted: Wanted, shelf: Shelf, locations: Mapping[str, Location], *, named: str = "") -> str:
    """The location that serves an order: the one that it names, or the first by priority that has everything; if none
    has, the first that may promise what is missing. Raises a Fault when there is none.

    Two locations of one priority are taken in the order of their ids.
    """
    if named:
        location = locations.get(named)
        if location is not None and not location.collectable:
            raise refusals.location_unavailable(named)
        return named
    ships = sorted((each for each in locations.values() if each.active and each.ships), key=_preference)
    for left in (shelf.available, shelf.sellable):
        for location in ships:
            if all(left(Place(product, location.id)) >= units for product, units in wanted.items()):
                return location.id
    raise _refusal(wanted, shelf, [location.id for location in ships])


def demand(wanted: Wanted, location: str) -> Demand:
    """What an order takes at the location that serves it."""
    return {Place(product, location): units for product, units in wanted.items()}


def _preference(location: Location) -> tuple[int, str]:
    return location.priority, location.id


def _refusal(wanted: Wanted, shelf: Shelf, locations: list[str]) -> Exception:
    """What is missing most clearly: a product that no location has enough of, or else a place for all of them."""
    for product, units in wanted.items():
        most = max((shelf.sellable(Place(product, location)) for location in locations), default=0)
        if most < units:
            return errors.out_of_stock(product, requested=units, available=most)
    return refusals.not_in_one_location(wanted)
