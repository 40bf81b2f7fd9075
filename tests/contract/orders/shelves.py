"""Products with stock at locations, and what must always be true of it."""

from __future__ import annotations

from datetime import datetime

from kit.db import Database
from kit.names import new_id
from services.orders.domain.location import Location, LocationKind
from services.orders.domain.product import Product
from services.orders.domain.stock import MAIN, Place, receive
from services.orders.storage.unit import OrdersUnit
from tests.support.builders.orders import NOW, a_product


def on_sale(database: Database[OrdersUnit], *, stock: int, products: int = 1) -> list[Product]:
    made = [a_product(sku=f"TEA-{new_id()}", category="tea") for _ in range(products)]

    def store(unit: OrdersUnit) -> None:
        for product in made:
            unit.products.add(product)
            unit.stocks.open(Place(product.id), NOW)
        unit.stocks.apply([receive(Place(product.id), stock, note="") for product in made], NOW)

    database.write(store)
    return made


def a_location(
    location: str, *, active: bool = True, ships: bool = True, pickup: bool = False, priority: int = 0, now: datetime
) -> Location:
    kind = LocationKind.STORE if pickup else LocationKind.WAREHOUSE
    return Location(location, location, kind, active, ships, pickup, priority, 1, now, now)


def stock(database: Database[OrdersUnit], product: Product, location: str = MAIN) -> tuple[int, int]:
    found = database.read(lambda unit: unit.stocks.get(Place(product.id, location)))
    assert found is not None
    return found.on_hand, found.reserved


def check_movements(database: Database[OrdersUnit]) -> None:
    """The sums of the movements are the stock, and what is reserved and promised is what somebody holds."""
    report = database.read(lambda unit: unit.stock_proof.compare(10))
    assert report.movements
    assert [line for difference in report.differences for line in difference.sentences()] == []
