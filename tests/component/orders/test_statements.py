"""What an order costs the database: few statements alone, and next to none in company."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from kit.db import Database
from kit.rpc import Server
from services.orders.domain.order import Order
from services.orders.domain.payment import Tender
from services.orders.domain.product import Product
from services.orders.domain.stock import Place, receive
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.order import place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from tests.component.orders.conftest import Shop, placing
from tests.support.builders.orders import a_placement, a_product, an_item
from tests.support.statements import sent


@pytest.fixture
def statements(server: Server) -> Iterator[list[str]]:
    """The statements that the service sends."""
    with sent(server.database) as said:
        yield said


async def buy(orders: OrdersServiceStub, shop: Shop, products: list[str]) -> pb.Order:
    member, request_id = f"members/{uuid.uuid4()}", str(uuid.uuid4())
    request = placing(*((product, 1) for product in products), member=member, request_id=request_id)
    return await shop.pay(await orders.PlaceOrder(request), request_id=str(uuid.uuid4()))


async def test_an_order_alone_is_placed_and_paid_in_fifteen_statements(
    orders: OrdersServiceStub, shop: Shop, statements: list[str]
) -> None:
    products = [await shop.product(), await shop.product()]
    statements.clear()
    await buy(orders, shop, products)
    assert len(business(statements)) <= 15


def test_thirty_two_orders_in_company_are_placed_and_paid_in_a_dozen(database: Database[OrdersUnit]) -> None:
    products = [a_product(sku=f"TEA-{index}") for index in range(4)]
    database.write(put_on_sale, products)
    placements = [a_placement(*(an_item(product=each.id) for each in products)) for _ in range(32)]
    with sent(database) as said:
        placed = database.write(place_orders, placements)
        orders = [order for order in placed if isinstance(order, Order)]
        payments = [PayOrder(order.id, Tender.MANUAL, order.money(order.due), "", None) for order in orders]
        assert all(isinstance(order, Order) for order in database.write(pay_orders, payments))
    assert len(orders) == 32
    assert len(said) <= 12


def put_on_sale(unit: OrdersUnit, products: list[Product]) -> None:
    for product in products:
        unit.products.add(product)
        unit.stocks.open(Place(product.id), unit.now)
    unit.stocks.apply([receive(Place(product.id), 100, note="") for product in products], unit.now)


def business(statements: list[str]) -> list[str]:
    """Without what a process does by the clock, however many orders there are: the sign of life that health asks for,
    the look for work that was left behind, the tariff read once a second."""
    by_the_clock = ("select 1", "skip locked", "from checkouts", "tariff")
    return [each for each in statements if not any(mark in each for mark in by_the_clock)]
