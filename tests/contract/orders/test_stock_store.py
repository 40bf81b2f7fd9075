"""Stock under many hands: real threads on a real database."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from kit.db import Database
from kit.errors import Fault
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.domain.payment import Tender
from services.orders.domain.stock import Movement, MovementKind, Place, receive
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from tests.contract.orders.shelves import check_movements, on_sale, stock
from tests.support.builders.orders import NOW, a_placement, a_product, an_item


def test_two_hundred_buyers_in_threads_get_fifty_units(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=50)

    def buy(_: int) -> Order | Fault:
        return database.write(place_orders, [a_placement(an_item(product=product.id))])[0]

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(buy, range(200)))
    assert len([outcome for outcome in outcomes if isinstance(outcome, Order)]) == 50
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Fault)} == {"OUT_OF_STOCK"}
    assert stock(database, product) == (50, 50)
    check_movements(database)


def test_orders_of_many_products_at_once_never_lock_each_other_out(database: Database[OrdersUnit]) -> None:
    products = on_sale(database, stock=1000, products=6)

    def live(seed: int) -> None:
        chance = random.Random(seed)
        chosen = chance.sample(products, 4)
        (order,) = database.write(place_orders, [a_placement(*(an_item(product=each.id) for each in chosen))])
        assert isinstance(order, Order)
        if seed % 3 == 0:
            database.write(cancel_order, CancelOrder(order.id, CancelReason.CUSTOMER, None))
        elif seed % 3 == 1:
            payment = PayOrder(order.id, Tender.MANUAL, order.money(order.due), "", None)
            assert isinstance(database.write(pay_orders, [payment])[0], Order)

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(live, range(120)))
    check_movements(database)


def test_a_batch_is_served_first_come_first_served(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=4)
    outcomes = database.write(
        place_orders, [a_placement(an_item(product=product.id, quantity=quantity)) for quantity in (3, 2, 1, 1)]
    )
    assert [isinstance(outcome, Order) for outcome in outcomes] == [True, False, True, False]
    assert stock(database, product) == (4, 4)


@pytest.mark.parametrize(("on_hand", "reserved"), [(-1, 0), (0, 1), (0, -1)])
def test_the_schema_itself_refuses_impossible_stock(
    database: Database[OrdersUnit], on_hand: int, reserved: int
) -> None:
    (product,) = on_sale(database, stock=0)
    movement = Movement(Place(product.id), MovementKind.CORRECTED, on_hand, reserved)
    with pytest.raises(Fault) as caught:
        database.write(lambda unit: unit.stocks.apply([movement], NOW))
    assert caught.value.reason == "INTERNAL"
    assert stock(database, product) == (0, 0)


def test_a_movement_of_an_unknown_place_is_told(database: Database[OrdersUnit]) -> None:
    movement = receive(Place(a_product().id), 1, note="")
    assert database.write(lambda unit: unit.stocks.apply([movement], NOW)) == []
