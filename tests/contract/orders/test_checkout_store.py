"""Attempts to check out: shared while open, ended once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders.domain.checkout import SHARED_FOR
from services.orders.domain.order import Order
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.checkout import Open, abandon_attempt, open_attempt
from services.orders.usecases.order import place_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.orders import NOW, a_placement, an_item


def begin(database: Database[OrdersUnit], key: str) -> UUID:
    return database.write(open_attempt, Open(key, new_id())).order_id


def test_repeats_share_the_open_attempt_and_others_do_not(database: Database[OrdersUnit]) -> None:
    first = begin(database, "a")
    assert begin(database, "a") == first
    assert begin(database, "b") != first


def test_an_abandoned_attempt_is_followed_by_another(database: Database[OrdersUnit]) -> None:
    first = begin(database, "a")
    assert database.write(abandon_attempt, first) is True
    assert database.write(abandon_attempt, first) is True
    assert begin(database, "a") != first


def test_a_stale_attempt_is_given_up(database: Database[OrdersUnit]) -> None:
    first = begin(database, "a")
    later = Database(
        database._engine.url.render_as_string(hide_password=False).replace("+psycopg2", ""),
        database._unit,
        clock=lambda: NOW + SHARED_FOR,
    )
    second = begin(later, "a")
    later.close()
    assert second != first
    assert database.write(lambda unit: unit.checkouts.lock_open([first, second])) == {second}


def test_either_the_order_is_placed_or_its_attempt_abandoned(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=10)
    placed = a_placement(an_item(product=product.id), held=True)
    database.write(open_attempt, Open("a", placed.order_id))
    assert isinstance(database.write(place_orders, [placed])[0], Order)
    assert database.write(abandon_attempt, placed.order_id) is False

    abandoned = a_placement(an_item(product=product.id), held=True)
    database.write(open_attempt, Open("b", abandoned.order_id))
    database.write(abandon_attempt, abandoned.order_id)
    (outcome,) = database.write(place_orders, [abandoned])
    assert isinstance(outcome, Fault)
    assert outcome.reason == "CHECKOUT_ABANDONED"


def test_an_order_that_found_no_stock_leaves_its_attempt_open(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=0)
    placement = a_placement(an_item(product=product.id), held=True)
    database.write(open_attempt, Open("a", placement.order_id))
    assert isinstance(database.write(place_orders, [placement])[0], Fault)
    assert database.write(abandon_attempt, placement.order_id) is True


def test_old_attempts_are_pruned(database: Database[OrdersUnit]) -> None:
    first = begin(database, "a")
    database.write(lambda unit: unit.checkouts.prune(NOW + timedelta(seconds=1)))
    assert begin(database, "a") != first
