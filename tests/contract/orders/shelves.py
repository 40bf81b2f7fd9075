"""Products with stock, and what must always be true of it."""

from __future__ import annotations

from sqlalchemy import text

from kit.db import Database
from services.orders.domain.product import Product
from services.orders.domain.stock import Place, receive
from services.orders.storage.unit import OrdersUnit
from tests.support.builders.orders import NOW, a_product


def on_sale(database: Database[OrdersUnit], *, stock: int, products: int = 1) -> list[Product]:
    made = [a_product(sku=f"TEA-{index}", category="tea") for index in range(products)]

    def store(unit: OrdersUnit) -> None:
        for product in made:
            unit.products.add(product)
            unit.stocks.open(Place(product.id), NOW)
        unit.stocks.apply([receive(Place(product.id), stock, note="") for product in made], NOW)

    database.write(store)
    return made


def stock(database: Database[OrdersUnit], product: Product) -> tuple[int, int]:
    found = database.read(lambda unit: unit.stocks.get(Place(product.id)))
    assert found is not None
    return found.on_hand, found.reserved


def check_movements(database: Database[OrdersUnit]) -> None:
    """The sums of the movements are the stock, and what is reserved is what unpaid orders hold."""
    query = """
        select s.product_id, s.on_hand - m.on_hand, s.reserved - m.reserved, s.reserved - coalesce(live.units, 0)
        from stocks s
        join (select product_id, sum(on_hand) as on_hand, sum(reserved) as reserved from stock_movements
              group by product_id) m using (product_id)
        left join (select l.product_id, sum(l.quantity) as units from order_lines l join orders o on o.id = l.order_id
                   where o.state = 'PENDING_PAYMENT' group by l.product_id) live using (product_id)
    """
    rows = database.read(lambda unit: unit.connection.execute(text(query)).all())
    assert rows
    assert {tuple(row[1:]) for row in rows} == {(0, 0, 0)}
