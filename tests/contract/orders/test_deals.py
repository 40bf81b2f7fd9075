"""Won opportunities become orders, once, whatever the stock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.type.money_pb2 import Money as WireMoney
from kehu.pipeline.v1.events_pb2 import OpportunityWon, WonLine
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from kit.page import Page
from kit.worker import Received
from services.orders.consumer import order_deals
from services.orders.domain.order import Order
from services.orders.domain.order_content import OrderQuery
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Tender
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.payment import PayOrder, pay_orders
from tests.contract.orders.shelves import check_movements, on_sale, stock


def won(*lines: tuple[object, int, int], opportunity: object = None, **fields: Any) -> Received:
    """An opportunity was won with (product, quantity, unit price in cents)."""
    message = OpportunityWon(
        opportunity=f"opportunities/{opportunity or new_id()}",
        account=f"accounts/{new_id()}",
        lines=[
            WonLine(
                product=f"products/{product}",
                quantity=quantity,
                unit_price=WireMoney(currency_code="CNY", units=cents // 100, nanos=cents % 100 * 10_000_000),
            )
            for product, quantity, cents in lines
        ],
    )
    message.MergeFrom(OpportunityWon(**fields))
    return Received(
        id=new_id(),
        type="OpportunityWon",
        subject=message.opportunity,
        version=1,
        time=datetime.now(UTC),
        message=message,
    )


def orders(database: Database[OrdersUnit]) -> list[Order]:
    return database.read(lambda unit: unit.orders.page(OrderQuery(), Page(100)))


def test_a_won_opportunity_is_an_order_at_the_agreed_prices(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=10)
    event = won((product.id, 3, 500))
    database.write(order_deals, [event])
    (order,) = orders(database)
    assert (order.state, order.total, order.expire_time) == (OrderState.PENDING_PAYMENT, 1500, None)
    assert (order.channel, order.backordered, order.lines[0].title) == ("pipeline", False, product.title)
    assert (order.store, order.lines[0].category) == ("", "tea")
    assert (f"accounts/{order.buyer.account}", f"opportunities/{order.buyer.opportunity}") == (
        event.message.account,
        event.message.opportunity,
    )
    assert stock(database, product) == (10, 3)
    payload = database.read(lambda unit: unit.connection.scalar(text("select payload from outbox")))
    assert json.loads(payload)["opportunity"] == event.message.opportunity


def test_an_opportunity_is_ordered_once(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=10)
    event = won((product.id, 1, 500))
    database.write(order_deals, [event, event])
    database.write(order_deals, [event])
    assert len(orders(database)) == 1
    assert stock(database, product) == (10, 1)


def test_a_deal_without_stock_is_backordered_and_oversells_nothing(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=10)
    unknown = new_id()
    database.write(
        order_deals, [won((product.id, 8, 1)), won((product.id, 3, 1)), won((product.id, 1, 1), (unknown, 1, 1))]
    )
    backordered = {order.lines[0].quantity: order.backordered for order in orders(database)}
    assert backordered == {8: False, 3: True, 1: True}
    assert stock(database, product) == (10, 8)
    (strange,) = [order for order in orders(database) if len(order.lines) == 2]
    assert strange.lines[1].title == f"products/{unknown}"


def test_a_paid_backorder_takes_nothing_from_the_stock(database: Database[OrdersUnit]) -> None:
    (product,) = on_sale(database, stock=1)
    database.write(order_deals, [won((product.id, 2, 100))])
    (order,) = orders(database)
    database.write(pay_orders, [PayOrder(order.id, Tender.MANUAL, order.money(200), "", None)])
    assert stock(database, product) == (1, 0)
    check_movements(database)


def test_a_deal_that_makes_no_sense_is_refused_for_good(database: Database[OrdersUnit]) -> None:
    mixed = won(
        (new_id(), 1, 1),
        lines=[WonLine(product=f"products/{new_id()}", quantity=1, unit_price=WireMoney(currency_code="USD", units=1))],
    )
    for event in (won(), mixed, won(("nonsense", 1, 1)), won((new_id(), 0, 1)), won((new_id(), 1, -1))):
        with pytest.raises(Fault) as caught:
            database.write(order_deals, [event])
        assert not caught.value.transient
    assert orders(database) == []
