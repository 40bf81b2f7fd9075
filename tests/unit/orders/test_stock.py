"""Stock as a state machine: whatever happens, nothing is oversold and the movements explain the stock."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from kit.errors import Fault
from kit.names import new_id
from services.orders.domain import stock
from services.orders.domain.stock import Movement, MovementKind, Place, Shelf, Stock
from tests.support.builders.orders import NOW

PLACES = [Place(new_id()) for _ in range(3)]
DEMANDS = st.dictionaries(st.sampled_from(PLACES), st.integers(1, 30), min_size=1)


class StockMachine(RuleBasedStateMachine):
    """A store of three products, with a model that counts by hand."""

    live = Bundle("live")

    def __init__(self) -> None:
        super().__init__()
        self.movements: list[Movement] = []
        self.reserved: dict[UUID, dict[Place, int]] = {}

    def stocks(self) -> dict[Place, Stock]:
        return {
            place: Stock(
                place,
                sum(each.on_hand for each in self.movements if each.place == place),
                sum(each.reserved for each in self.movements if each.place == place),
                version=1,
                update_time=NOW,
            )
            for place in PLACES
        }

    @rule(place=st.sampled_from(PLACES), quantity=st.integers(1, 50))
    def receive(self, place: Place, quantity: int) -> None:
        self.movements.append(stock.receive(place, quantity, note=""))

    @rule(place=st.sampled_from(PLACES), delta=st.integers(-60, 60))
    def adjust(self, place: Place, delta: int) -> None:
        before = self.stocks()[place]
        if before.on_hand + delta >= before.reserved:
            self.movements.append(stock.adjust(before, delta, kind=MovementKind.COUNTED, note=""))
            return
        with pytest.raises(Fault) as caught:
            stock.adjust(before, delta, kind=MovementKind.COUNTED, note="")
        assert caught.value.reason == "STOCK_RESERVED"

    @rule(target=live, demands=st.lists(DEMANDS, min_size=1, max_size=4))
    def reserve(self, demands: list[dict[Place, int]]) -> object:
        """Several orders at once, first come, first served."""
        shelf = Shelf(self.stocks().values(), now=NOW)
        left = {place: each.available for place, each in self.stocks().items()}
        placed = []
        for demand in demands:
            order = new_id()
            fits = all(left[place] >= units for place, units in demand.items())
            if not fits:
                with pytest.raises(Fault) as caught:
                    shelf.reserve(order, demand)
                assert caught.value.reason == "OUT_OF_STOCK"
                continue
            shelf.reserve(order, demand)
            self.reserved[order] = demand
            placed.append(order)
            for place, units in demand.items():
                left[place] -= units
        self.movements += shelf.movements
        return multiple(*placed)

    @rule(order=consumes(live))
    def release(self, order: UUID) -> None:
        self.movements += stock.release(order, self.reserved.pop(order))

    @rule(order=consumes(live))
    def commit(self, order: UUID) -> None:
        self.movements += stock.commit(order, self.reserved.pop(order))

    @invariant()
    def nothing_is_oversold(self) -> None:
        for place, each in self.stocks().items():
            assert 0 <= each.reserved <= each.on_hand
            assert each.reserved == sum(demand.get(place, 0) for demand in self.reserved.values())


TestStock = StockMachine.TestCase


def test_an_order_reserves_everything_or_nothing() -> None:
    there, elsewhere = PLACES[:2]
    shelf = Shelf([Stock(there, 5, 0, version=1, update_time=NOW)], now=NOW)
    with pytest.raises(Fault) as caught:
        shelf.reserve(new_id(), {there: 5, elsewhere: 1})
    assert caught.value.metadata == {
        "product": f"products/{elsewhere.product}",
        "requested": "1",
        "available": "0",
    }
    assert shelf.movements == []
