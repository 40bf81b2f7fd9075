"""Haggles under many hands: real threads on a real database."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders import publish
from services.orders.domain.bargain import Haggle, HaggleState
from services.orders.domain.order import Order
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.bargain import (
    BeginHaggle,
    BuyHaggle,
    CutPrice,
    Done,
    begin_haggle,
    buy_haggle,
    create_bargain,
    cut_prices,
    get_haggle,
)
from services.orders.usecases.expiry import expire_orders
from tests.contract.orders.groups import paid
from tests.contract.orders.shelves import check_movements, on_sale, stock
from tests.support.builders.bargains import a_creation
from tests.support.builders.orders import NOW


@pytest.fixture
def haggle(database: Database[OrdersUnit]) -> Haggle:
    """A haggle from 1,000 to 100 in five cuts; one unit is in stock."""
    (product,) = on_sale(database, stock=1)
    bargain = database.write(create_bargain, a_creation(product.id))
    return database.write(begin_haggle, BeginHaggle(bargain.id, new_id(), new_id()))


def cut(database: Database[OrdersUnit], haggle: Haggle, *helpers: UUID) -> list[Done | Fault]:
    return database.write(cut_prices, [CutPrice(haggle.bargain, haggle.id, helper) for helper in helpers])


def buy(database: Database[OrdersUnit], haggle: Haggle, member: UUID | None = None) -> Order | str:
    try:
        command = BuyHaggle(haggle.bargain, haggle.id, new_id(), member or haggle.member, "web")
        return database.write(buy_haggle, command)
    except Fault as fault:
        return fault.reason


def now(database: Database[OrdersUnit], haggle: Haggle) -> Haggle:
    return database.read(get_haggle, haggle.bargain, haggle.id)


def test_helpers_who_come_at_once_cut_once_each_and_never_below_the_floor(
    database: Database[OrdersUnit], haggle: Haggle
) -> None:
    helpers = [new_id() for _ in range(8)]
    with ThreadPoolExecutor(12) as threads:
        batches = threads.map(lambda n: cut(database, haggle, helpers[n % 8], helpers[(n + 1) % 8]), range(24))
        outcomes = [each for batch in batches for each in batch]
    done = [each for each in outcomes if isinstance(each, Done)]
    assert sorted(each.amount for each in done) == sorted(haggle.cuts)
    assert {each.reason for each in outcomes if isinstance(each, Fault)} == {
        "HAGGLE_CUT_ALREADY",
        "HAGGLE_STATE_INVALID",
    }
    assert now(database, haggle).reached.minor == 100
    query = text("select count(*), sum(amount) from haggle_cuts")
    assert tuple(database.read(lambda unit: unit.connection.execute(query).one())) == (5, 900)


def test_who_begins_again_has_the_same_haggle(database: Database[OrdersUnit], haggle: Haggle) -> None:
    with ThreadPoolExecutor(4) as threads:
        again = threads.map(
            lambda _: database.write(begin_haggle, BeginHaggle(haggle.bargain, new_id(), haggle.member)), range(8)
        )
        assert {each.id for each in again} == {haggle.id}


def test_cutting_and_buying_at_once_agree_on_the_price(database: Database[OrdersUnit], haggle: Haggle) -> None:
    assert buy(database, haggle, new_id()) == "HAGGLE_NOT_FOUND"
    with ThreadPoolExecutor(8) as threads:
        cuts = [threads.submit(cut, database, haggle, new_id()) for _ in range(3)]
        buys = [threads.submit(buy, database, haggle) for _ in range(6)]
        orders = [each.result() for each in buys]
        [each.result() for each in cuts]
    assert Counter(each if isinstance(each, str) else "BOUGHT" for each in orders) == {
        "BOUGHT": 1,
        "HAGGLE_STATE_INVALID": 5,
    }
    (order,) = (each for each in orders if isinstance(each, Order))
    after = now(database, haggle)
    assert (after.state, after.order, after.reached.minor) == (HaggleState.ORDERED, order.id, order.total)
    assert isinstance(cut(database, haggle, new_id())[0], Fault)
    check_movements(database)


def test_an_order_that_is_given_up_lets_the_haggle_go_on(
    database: Database[OrdersUnit], haggle: Haggle, url: str
) -> None:
    assert isinstance(buy(database, haggle), Order)
    later = Database(url, partial(OrdersUnit, publish=publish.to_event), clock=lambda: NOW + timedelta(minutes=16))
    later.write(expire_orders, 10)
    assert now(later, haggle).state is HaggleState.CUTTING
    assert isinstance(cut(later, haggle, haggle.member)[0], Done)
    order = buy(later, haggle)
    assert isinstance(order, Order)
    assert order.total == 1000 - haggle.cuts[0]
    paid(later, order)
    assert now(later, haggle).state is HaggleState.BOUGHT
    assert buy(later, haggle) == "HAGGLE_STATE_INVALID"
    check_movements(later)
    later.close()


def test_a_haggle_without_stock_stays_as_it_is(database: Database[OrdersUnit], haggle: Haggle) -> None:
    other = database.write(begin_haggle, BeginHaggle(haggle.bargain, new_id(), new_id()))
    assert isinstance(buy(database, other), Order)
    assert buy(database, haggle) == "OUT_OF_STOCK"
    assert now(database, haggle).state is HaggleState.CUTTING
    product = database.read(lambda unit: unit.bargains.get([haggle.bargain])[haggle.bargain].product)
    found = database.read(lambda unit: unit.products.get([product])[product])
    assert stock(database, found) == (1, 1)
