"""What orders count: what was committed, each order once; and what was sold that is not there, by who holds it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from kit.db import Database
from services.orders import consumer, metrics, publish
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason
from services.orders.domain.payment import Tender
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases.imports import import_orders
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.orders import NOW, a_placement, an_import_line, an_import_row, an_item


@pytest.fixture
def counted(url: str) -> Iterator[Database[OrdersUnit]]:
    """A database whose commits are counted."""
    unit = partial(OrdersUnit, publish=publish.to_event)
    database = Database(url, unit, constraints=CONSTRAINTS, committed=metrics.count, clock=lambda: NOW)
    yield database
    database.close()


def of(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def sales() -> list[float]:
    return [
        of("orders_placed_total", channel="web"),
        of("orders_paid_total", channel="web", imported="false"),
        of("orders_gmv_minor_total", currency="CNY", imported="false"),
        of("orders_cancelled_total", reason="customer"),
    ]


def place(database: Database[OrdersUnit], *items: object) -> Order:
    [order] = database.write(place_orders, [a_placement(*items)])  # type: ignore[arg-type]
    assert isinstance(order, Order)
    return order


def test_an_order_counts_when_it_is_placed_paid_and_given_up(counted: Database[OrdersUnit]) -> None:
    [tea] = on_sale(counted, stock=10, products=1)
    before = sales()
    first, second = (place(counted, an_item(product=tea.id)) for _ in range(2))
    counted.write(pay_orders, [PayOrder(first.id, Tender.MANUAL, first.money(first.due), "till 1", None)])
    counted.write(cancel_order, CancelOrder(second.id, CancelReason.CUSTOMER, None))
    assert [new - old for new, old in zip(sales(), before, strict=True)] == [2, 1, first.total, 1]


def test_what_is_rolled_back_does_not_count(counted: Database[OrdersUnit]) -> None:
    [tea] = on_sale(counted, stock=10, products=1)
    before = sales()

    def fail(unit: OrdersUnit) -> None:
        place_orders(unit, [a_placement(an_item(product=tea.id))])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        counted.write(fail)
    assert sales() == before


def test_an_imported_order_counts_once_apart_from_sales(counted: Database[OrdersUnit]) -> None:
    def imported() -> tuple[float, float]:
        paid = of("orders_paid_total", channel=row.channel, imported="true")
        return paid, of("orders_gmv_minor_total", currency=row.currency, imported="true")

    row = an_import_row()
    paid, gmv = imported()
    counted.write(import_orders, [row])
    amount = sum(line.amount.minor for line in row.lines)
    assert imported() == (paid + 1, gmv + amount)
    counted.write(import_orders, [row])
    counted.write(import_orders, [an_import_row(an_import_line(), an_import_line(), external_id=row.external_id)])
    assert imported() == (paid + 1, gmv + amount)


def test_units_that_somebody_holds_and_that_are_not_there_are_told(counted: Database[OrdersUnit]) -> None:
    [tea] = on_sale(counted, stock=3, products=1)
    place(counted, an_item(product=tea.id, quantity=3))
    counted.write(consumer.tell_promises)
    assert of("stock_oversold_units") == 0

    def lose(unit: OrdersUnit) -> None:
        unit.connection.execute(text("update stocks set on_hand = 1, reserved = 1"))

    counted.write(lose)
    counted.write(consumer.tell_promises)
    assert of("stock_oversold_units") == 2
