"""Which location serves an order."""

from __future__ import annotations

from uuid import UUID

import pytest

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.location import Location
from services.orders.domain.stock import Place, Shelf, Stock
from services.orders.domain.stock_policy import Policy, PolicyKind
from services.orders.usecases.sourcing import source
from tests.contract.orders.shelves import a_location
from tests.support.builders.orders import NOW

TEA, POT = new_id(), new_id()


def a_shelf(units: dict[tuple[UUID, str], int], promised: tuple[UUID, str, int] | None = None) -> Shelf:
    stocks = {
        Place(*place): Stock(Place(*place), there, 0, version=1, update_time=NOW) for place, there in units.items()
    }
    if promised:
        place = Place(*promised[:2])
        policy = Policy(PolicyKind.BACKORDER, promised[2])
        stocks[place] = Stock(place, 0, 0, version=1, update_time=NOW, policy=policy)
    return Shelf(stocks.values(), now=NOW)


def locations(*found: Location) -> dict[str, Location]:
    return {each.id: each for each in found}


EAST = a_location("east", priority=2, now=NOW)
WEST = a_location("west", priority=1, now=NOW)
SHOP = a_location("shop", ships=False, pickup=True, now=NOW)
CLOSED = a_location("closed", active=False, now=NOW)
ALL = locations(EAST, WEST, SHOP, CLOSED)


def test_the_first_by_priority_that_has_everything_serves() -> None:
    shelf = a_shelf({(TEA, "west"): 5, (TEA, "east"): 9, (POT, "east"): 1, (TEA, "closed"): 99, (TEA, "shop"): 99})
    assert source({TEA: 5}, shelf, ALL) == "west"
    assert source({TEA: 6}, shelf, ALL) == "east"
    assert source({TEA: 1, POT: 1}, shelf, ALL) == "east"
    assert source({TEA: 50}, shelf, ALL, named="shop") == "shop"


def test_what_is_there_goes_before_what_is_promised() -> None:
    shelf = a_shelf({(TEA, "east"): 1}, promised=(TEA, "west", 5))
    assert [source({TEA: units}, shelf, ALL) for units in (1, 2)] == ["east", "west"]


def test_a_refusal_tells_what_is_missing() -> None:
    shelf = a_shelf({(TEA, "west"): 5, (POT, "east"): 1})
    cases = [({TEA: 6}, "", "OUT_OF_STOCK"), ({TEA: 1, POT: 1}, "", "NOT_IN_ONE_LOCATION")]
    for wanted, named, reason in [*cases, ({TEA: 1}, "closed", "LOCATION_UNAVAILABLE")]:
        with pytest.raises(Fault) as caught:
            source(wanted, shelf, ALL, named=named)
        assert caught.value.reason == reason
