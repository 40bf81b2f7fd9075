"""Units that are sold before they arrive, and those that are set aside for a while."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders import publish
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.domain.product import Component, Content, Product
from services.orders.domain.reservation import Reservation, ReservationState
from services.orders.domain.stock import MAIN, MovementKind, Place
from services.orders.domain.stock_policy import Policy, PolicyKind
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import moving, reservation
from services.orders.usecases.order import CancelOrder, PlaceOrder, cancel_order, place_orders
from services.orders.usecases.stock import (
    AdjustStock,
    ReceiveStock,
    adjust_stock,
    get_stock,
    receive_stock,
)
from tests.contract.orders.promises import order, pay, placed, promising, receive, standing, terms
from tests.contract.orders.shelves import a_location, check_movements, on_sale
from tests.support.builders.orders import NOW, a_placement, an_item


@pytest.fixture(autouse=True)
def explained(database: Database[OrdersUnit]) -> Iterator[None]:
    yield
    check_movements(database)


def events(database: Database[OrdersUnit]) -> list[str]:
    query = text("select type from outbox where type like 'Stock%' order by sequence")
    return list(database.read(lambda unit: unit.connection.scalars(query).all()))


def test_what_is_promised_is_served_oldest_first(database: Database[OrdersUnit]) -> None:
    product = promising(database, 5, stock=2)
    first, second = placed(database, product, 4), placed(database, product, 3)
    assert (first.awaiting, second.awaiting, standing(database, product)) == (True, True, (2, 2, 5))
    refusal = order(database, product, 1)
    assert isinstance(refusal, Fault)
    assert refusal.reason == "OUT_OF_STOCK"
    pay(database, first)
    assert standing(database, product) == (0, 0, 5)
    assert receive(database, product, 3).on_hand == 1
    assert standing(database, product) == (1, 1, 2)  # two left for the paid one, one waits for its payment
    pay(database, second)
    receive(database, product, 10)
    assert standing(database, product) == (8, 0, 0)


def test_units_that_an_order_gives_back_go_to_who_waited_before_anybody_else(database: Database[OrdersUnit]) -> None:
    product = promising(database, 1, stock=1)
    first, waiting = placed(database, product, 1), placed(database, product, 1)
    database.write(cancel_order, CancelOrder(first.id, CancelReason.CUSTOMER, None))
    assert isinstance(placed(database, product, 1), Order)  # it queues behind
    assert standing(database, product) == (1, 0, 2)
    assert database.write(moving.serve_awaited, 10) == 1
    assert standing(database, product) == (1, 1, 1)
    left = database.read(lambda unit: unit.backorders.of([waiting.id]))
    assert list(left) == []


def test_preorders_end_when_the_goods_are_due(database: Database[OrdersUnit]) -> None:
    product = promising(database, 2, kind=PolicyKind.PREORDER)
    assert placed(database, product, 2).awaiting
    found = database.read(get_stock, Place(product.id))
    assert replace(found, backordered=0).sellable(NOW + timedelta(days=1)) == 0
    with pytest.raises(Fault, match="promises"):
        terms(database, product, policy=Policy(PolicyKind.DENY, 3))


def test_a_product_is_promised_at_one_location(database: Database[OrdersUnit]) -> None:
    product = promising(database, 2)
    database.write(lambda unit: unit.locations.add(a_location("north", now=NOW)))
    database.write(receive_stock, ReceiveStock(Place(product.id, "north"), 1, ""))
    with pytest.raises(Fault) as caught:
        terms(database, product, "north", policy=Policy(PolicyKind.BACKORDER, 1))
    assert caught.value.reason == "POLICY_ELSEWHERE"


def test_the_buffer_is_never_sold(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=5)
    assert terms(database, product, buffer=3).available == 2
    refusal = order(database, product, 3)
    assert isinstance(refusal, Fault)
    assert refusal.metadata["available"] == "2"
    placed(database, product, 2)


def test_low_stock_is_told_once_each_time_it_comes_to_it(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=5)
    terms(database, product, threshold=3)
    placed(database, product, 1)
    assert events(database) == []
    low = placed(database, product, 1)
    placed(database, product, 1)
    assert events(database) == ["StockLow"]
    pay(database, low)
    receive(database, product, 5)
    assert events(database) == ["StockLow", "StockReplenished"]
    adjust = AdjustStock(Place(product.id), -4, MovementKind.LOST, "", None)
    database.write(adjust_stock, adjust)
    assert events(database) == ["StockLow", "StockReplenished", "StockLow"]


def reserve(database: Database[OrdersUnit], *items: tuple[Product, int], seconds: int = 60) -> Reservation:
    held = tuple((product.id, units) for product, units in items)
    return database.write(
        reservation.reserve, reservation.Reserve(new_id(), held, "", "cart", timedelta(seconds=seconds))
    )


def test_a_reservation_is_all_or_nothing_and_never_promises(database: Database[OrdersUnit]) -> None:
    tea, pot = on_sale(database, stock=2, products=2)
    terms(database, tea, policy=Policy(PolicyKind.BACKORDER, 9))
    with pytest.raises(Fault) as caught:
        reserve(database, (pot, 1), (tea, 2), (tea, 1))
    assert caught.value.reason == "OUT_OF_STOCK"
    held = reserve(database, (pot, 1), (tea, 1), (tea, 1))
    assert (held.location, dict(held.items)) == (MAIN, {tea.id: 2, pot.id: 1})
    assert standing(database, tea) == (2, 2, 0)


def test_a_reservation_of_a_bundle_sets_aside_what_its_order_takes(database: Database[OrdersUnit]) -> None:
    tea, pot = on_sale(database, stock=5, products=2)
    parts = (Component(tea.id, 2), Component(pot.id, 1))
    bundle = Product.create(new_id(), "SET", Content("Set", Money(1500, "CNY"), components=parts), NOW)
    database.write(lambda unit: unit.products.add(bundle))
    with pytest.raises(Fault) as caught:
        reserve(database, (bundle, 2), (tea, 2))
    assert caught.value.reason == "OUT_OF_STOCK"
    held = reserve(database, (bundle, 2), (tea, 1))
    assert dict(held.items) == {tea.id: 5, pot.id: 2}
    assert (standing(database, tea), standing(database, pot)) == ((5, 5, 0), (5, 2, 0))
    item = replace(an_item(product=bundle.id, quantity=2), components=parts)
    (order,) = database.write(place_orders, [replace(a_placement(item), reservation=held.id)])
    assert isinstance(order, Order)
    assert (standing(database, tea), standing(database, pot)) == ((5, 4, 0), (5, 2, 0))


def test_a_reservation_ends_once_whoever_comes_first(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=60)
    held = [reserve(database, (product, 3)) for _ in range(20)]

    def end(index: int) -> str:
        act = (reservation.confirm_reservation, reservation.release_reservation)[index % 2]
        try:
            return database.write(act, held[index // 4].id).state.value
        except Fault as fault:
            return str(fault.reason)

    with ThreadPoolExecutor(12) as threads:
        ends = list(threads.map(end, range(80)))
    for index in range(20):
        answers = set(ends[index * 4 : index * 4 + 4])
        assert answers in ({"CONFIRMED", "RESERVATION_ENDED"}, {"RELEASED", "RESERVATION_ENDED"})
    confirmed = len([each for each in held if _state(database, each) is ReservationState.CONFIRMED])
    assert standing(database, product) == (60 - 3 * confirmed, 0, 0)


def _state(database: Database[OrdersUnit], held: Reservation) -> ReservationState:
    return database.read(reservation.get_reservation, held.id).state


def test_a_reservation_whose_time_is_over_is_given_back(database: Database[OrdersUnit], url: str) -> None:
    (product,) = on_sale(database, stock=1)
    held = reserve(database, (product, 1), seconds=5)
    assert database.write(reservation.expire_reservations, 10) == 0
    later: datetime = held.expire_time
    clock = Database(url, partial(OrdersUnit, publish=publish.to_event), clock=lambda: later)
    try:
        with pytest.raises(Fault) as caught:
            clock.write(reservation.confirm_reservation, held.id)
        assert caught.value.metadata["state"] == "EXPIRED"
        assert [clock.write(reservation.expire_reservations, 10) for _ in range(2)] == [1, 0]
    finally:
        clock.close()
    assert _state(database, held) is ReservationState.EXPIRED
    assert standing(database, product) == (1, 0, 0)


def taking(product: Product, units: int, held: Reservation) -> PlaceOrder:
    return replace(a_placement(an_item(product=product.id, quantity=units)), reservation=held.id)


def test_an_order_takes_over_what_was_set_aside_for_it_once(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=3)
    held = reserve(database, (product, 3))
    too_much, first, second = database.write(
        place_orders, [taking(product, 4, held), taking(product, 2, held), taking(product, 1, held)]
    )
    assert isinstance(too_much, Fault)
    assert too_much.reason == "OUT_OF_STOCK"
    assert isinstance(first, Order)
    assert isinstance(second, Fault)
    assert second.reason == "RESERVATION_ENDED"
    ended = database.read(reservation.get_reservation, held.id)
    assert (ended.state, ended.order) == (ReservationState.CONFIRMED, first.id)
    assert standing(database, product) == (3, 2, 0)


def test_a_refused_order_leaves_the_reservation_as_it_is(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=3)
    held = reserve(database, (product, 3))
    (refused,) = database.write(place_orders, [taking(product, 9, held)])
    assert isinstance(refused, Fault)
    assert _state(database, held) is ReservationState.HELD
    assert standing(database, product) == (3, 3, 0)
