"""Products of which units are sold before they arrive."""

from __future__ import annotations

from datetime import timedelta

from kit.db import Database
from kit.errors import Fault
from services.orders.domain.order import Order
from services.orders.domain.payment import Tender
from services.orders.domain.product import Product
from services.orders.domain.stock import MAIN, Place, Stock
from services.orders.domain.stock_policy import Policy, PolicyKind
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.order import place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from services.orders.usecases.stock import ReceiveStock, UpdateStock, get_stock, receive_stock, update_stock
from tests.contract.orders.shelves import on_sale
from tests.support.builders.orders import NOW, a_placement, an_item


def promising(
    database: Database[OrdersUnit], units: int, *, stock: int = 0, kind: PolicyKind = PolicyKind.BACKORDER
) -> Product:
    """A product of which so many units may be promised."""
    (product,) = on_sale(database, stock=stock)
    arrival = NOW + timedelta(days=1) if kind is PolicyKind.PREORDER else None
    terms(database, product, policy=Policy(kind, units, arrival))
    return product


def terms(database: Database[OrdersUnit], product: Product, location: str = MAIN, **values: object) -> Stock:
    given = {"buffer": 0, "threshold": None, "policy": Policy(), **values}
    place = Place(product.id, location)
    return database.write(update_stock, UpdateStock(place, frozenset(values), version=None, **given))  # type: ignore[arg-type]


def order(database: Database[OrdersUnit], product: Product, units: int) -> Order | Fault:
    return database.write(place_orders, [a_placement(an_item(product=product.id, quantity=units))])[0]


def placed(database: Database[OrdersUnit], product: Product, units: int) -> Order:
    outcome = order(database, product, units)
    assert isinstance(outcome, Order)
    return outcome


def pay(database: Database[OrdersUnit], placed: Order) -> None:
    payment = PayOrder(placed.id, Tender.MANUAL, placed.money(placed.due), "", None)
    assert isinstance(database.write(pay_orders, [payment])[0], Order)


def receive(database: Database[OrdersUnit], product: Product, units: int) -> Stock:
    return database.write(receive_stock, ReceiveStock(Place(product.id), units, ""))


def standing(database: Database[OrdersUnit], product: Product) -> tuple[int, int, int]:
    found = database.read(get_stock, Place(product.id))
    return found.on_hand, found.reserved, found.backordered
