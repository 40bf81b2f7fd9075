"""Stock when everybody wants the same at once: real threads on a real database, and what the statements cost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders import publish
from services.orders.domain.line import Item
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.domain.payment import Tender
from services.orders.domain.product import Component
from services.orders.storage.stocks import _APPLY, _SUPPLY
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases.order import CancelOrder, PlaceOrder, cancel_order, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from services.orders.usecases.stock_count import EnterCount, OpenCount, enter_count, open_count, post_count
from services.orders.usecases.stock_transfer import ShipTransfer, ship_transfer
from tests.contract.orders.shelves import a_location, check_movements, on_sale, stock
from tests.support.builders.orders import NOW, a_placement, an_item
from tests.support.statements import sent


@pytest.fixture(autouse=True)
def explained(database: Database[OrdersUnit]) -> Iterator[None]:
    yield
    check_movements(database)


def a_set(*parts: tuple[UUID, int], quantity: int = 1) -> Item:
    """A bundle, which has no stock of its own."""
    return replace(an_item(quantity=quantity), components=tuple(Component(*part) for part in parts))


def place(database: Database[OrdersUnit], placement: PlaceOrder) -> Order | Fault:
    return database.write(place_orders, [placement])[0]


def test_one_product_in_two_lines_and_two_bundles_is_counted_once_and_for_all(database: Database[OrdersUnit]) -> None:
    tea, pot = on_sale(database, stock=10, products=2)

    def basket(first: int) -> PlaceOrder:
        sets = (a_set((tea.id, 2), (pot.id, 1), quantity=2), a_set((tea.id, 3)))
        return a_placement(an_item(product=tea.id, quantity=first), an_item(product=tea.id, quantity=1), *sets)

    refusal = place(database, basket(3))
    assert isinstance(refusal, Fault)
    assert (refusal.metadata["requested"], refusal.metadata["available"]) == ("11", "10")
    assert isinstance(place(database, basket(2)), Order)
    assert (stock(database, tea), stock(database, pot)) == ((10, 10), (10, 2))


def test_two_hundred_buyers_of_lines_and_bundles_never_oversell(database: Database[OrdersUnit]) -> None:
    (tea,) = on_sale(database, stock=7)
    basket = (an_item(product=tea.id), an_item(product=tea.id), a_set((tea.id, 1)), a_set((tea.id, 1), quantity=2))

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(lambda _: place(database, a_placement(*basket)), range(200)))
    assert len([outcome for outcome in outcomes if isinstance(outcome, Order)]) == 1
    assert stock(database, tea) == (7, 5)


@pytest.fixture
def crowd(url: str) -> Iterator[Database[OrdersUnit]]:
    """The database, with a connection for each of fifty."""
    unit = partial(OrdersUnit, publish=publish.to_event)
    database = Database(url, unit, constraints=CONSTRAINTS, clock=lambda: NOW, pool_size=50)
    yield database
    database.close()


def test_fifty_threads_of_random_baskets_never_lock_each_other_out(crowd: Database[OrdersUnit]) -> None:
    database = crowd
    products = on_sale(database, stock=1000, products=6)
    database.write(lambda unit: unit.locations.add(a_location("north", priority=1, now=NOW)))
    before = _deadlocks(database)

    def live(seed: int) -> None:
        chance = random.Random(seed)
        some = [each.id for each in chance.sample(products, 4)]
        if seed % 5 == 0:
            sent = ShipTransfer(new_id(), "main", "north", tuple((each, 2) for each in some), "", arrived=True)
            database.write(ship_transfer, sent)
            return
        if seed % 5 == 1:
            count = database.write(open_count, OpenCount(new_id(), "main", ""))
            with suppress(Fault):  # somebody else counts one of them
                database.write(enter_count, EnterCount(count.id, dict.fromkeys(some, 990)))
            database.write(post_count, count.id)
            return
        first, second, *rest = some
        items = (an_item(product=first), a_set((second, 2), (rest[0], 1)), an_item(product=rest[1], quantity=3))
        placed = database.write(place_orders, [a_placement(*items), a_placement(*reversed(items))])
        orders = [order for order in placed if isinstance(order, Order)]
        if seed % 5 == 2:
            payments = [PayOrder(each.id, Tender.MANUAL, each.money(each.due), "", None) for each in orders]
            database.write(pay_orders, payments)
        else:
            database.write(cancel_order, CancelOrder(orders[0].id, CancelReason.CUSTOMER, None))

    with ThreadPoolExecutor(50) as threads:
        list(threads.map(live, range(150)))
    assert _deadlocks(database) == before


def _deadlocks(database: Database[OrdersUnit]) -> int:
    query = text("select deadlocks from pg_stat_database where datname = current_database()")
    return int(database.read(lambda unit: unit.connection.execute(query).scalar_one()))


@pytest.mark.parametrize(("lines", "quantity"), [(1, 1), (1, 10_000), (100, 1), (100, 10_000)])
def test_lines_and_quantities_cost_no_further_statement(
    database: Database[OrdersUnit], lines: int, quantity: int
) -> None:
    products = on_sale(database, stock=10_000, products=lines)
    placement = a_placement(*(an_item(product=each.id, quantity=quantity, unit_price=1) for each in products))
    with sent(database) as said:
        assert isinstance(place(database, placement), Order)
    assert len([statement for statement in said if "stocks" in statement]) == 2
    assert len(said) <= 5  # who was erased, stock and its movements, the order, its event


def test_a_sale_during_a_count_changes_no_difference(database: Database[OrdersUnit]) -> None:
    (tea,) = on_sale(database, stock=10)
    count = database.write(open_count, OpenCount(new_id(), "main", "spring"))
    database.write(enter_count, EnterCount(count.id, {tea.id: 9}))
    order = place(database, a_placement(an_item(product=tea.id, quantity=4)))
    assert isinstance(order, Order)
    database.write(pay_orders, [PayOrder(order.id, Tender.MANUAL, order.money(order.due), "", None)])
    posted = database.write(post_count, count.id)
    assert [line.difference for line in posted.lines] == [-1]
    assert stock(database, tea) == (5, 0)


def test_the_statements_find_their_rows_by_key(database: Database[OrdersUnit]) -> None:
    """Among many products, whatever the planner believes of the size of an array."""
    product = on_sale(database, stock=1, products=60)[0]

    def plans(unit: OrdersUnit) -> str:
        unit.connection.execute(text("analyze stocks"))
        unit.connection.execute(text("set local enable_seqscan = off"))
        supply = {"products": [product.id], "named": []}
        movement = {
            "products": [product.id],
            "locations": ["main"],
            "kinds": ["RECEIVED"],
            "on_hand": [1],
            "reserved": [0],
            "orders": [None],
            "notes": [""],
            "backordered": [0],
            "sources": [""],
            "now": NOW,
        }
        found = []
        for statement, values in ((_SUPPLY, supply), (_APPLY, movement)):
            rows = unit.connection.execute(text(f"explain {statement.text}"), values)
            found += [str(row[0]) for row in rows]
        return "\n".join(found)

    explained = database.read(plans)
    by_key = [line for line in explained.splitlines() if "Index Cond" in line and "product_id" in line]
    assert "Seq Scan on stocks" not in explained
    assert len(by_key) >= 2, explained
