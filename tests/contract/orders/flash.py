"""Flash sales on a real database, and what must always be true of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from services.orders.domain.flash_sale import Figures, FlashSale
from services.orders.domain.order import Order
from services.orders.domain.payment import Tender
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.flash_sale import create_flash_sale, get_figures
from services.orders.usecases.flash_sale_purchase import BuyFlashSale, buy, buy_thoroughly
from services.orders.usecases.payment import PayOrder, pay_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.flash_sales import a_creation


def opened(database: Database[OrdersUnit], *, stock: int, **terms: Any) -> FlashSale:
    """A sale that can be bought in."""
    (product,) = on_sale(database, stock=stock)
    return database.write(create_flash_sale, a_creation(product.id, **terms))


def bought(database: Database[OrdersUnit], *commands: BuyFlashSale) -> list[Order | Fault]:
    """Buy as the servicer does: whoever found the needed buckets emptied asks all of them."""
    outcomes = database.write(buy, commands)
    again = [index for index, outcome in enumerate(outcomes) if _contended(outcome)]
    if again:
        for index, outcome in zip(again, database.write(buy_thoroughly, [commands[i] for i in again]), strict=True):
            outcomes[index] = outcome
    return outcomes


def _contended(outcome: Order | Fault) -> bool:
    return isinstance(outcome, Fault) and outcome.kind == "ABORTED"


def pay(database: Database[OrdersUnit], order: Order) -> Order | Fault:
    """Pay what is due."""
    payment = PayOrder(order.id, Tender.MANUAL, order.money(order.due), "", None)
    return database.write(pay_orders, [payment])[0]


def figures(database: Database[OrdersUnit], sale: FlashSale) -> Figures:
    """How the sale goes."""
    (found,) = database.read(get_figures, [sale.id])
    assert isinstance(found, Figures)
    return found


def counts(database: Database[OrdersUnit], sale: FlashSale) -> tuple[int, int, int, int]:
    """Free, held, sold and returned units."""
    found = figures(database, sale)
    return found.free, found.held, found.sold, found.returned


def check_sale(database: Database[OrdersUnit], sale: FlashSale) -> None:
    """The buckets agree with the orders, the members' limit and the stock's movements."""
    found = figures(database, sale)
    assert found.free + found.held + found.sold + found.returned == found.quota == found.sale.terms.quota
    rows = database.read(lambda unit: unit.connection.execute(text(_CHECK), {"sale": sale.id}).one())
    held, sold, most, reserved = rows
    assert (found.held, found.sold) == (held, sold)
    assert most <= found.sale.terms.member_limit
    assert reserved == found.free
    assert database.read(lambda unit: unit.flash_sale_units.astray()) == 0
    drift = database.read(lambda unit: unit.connection.execute(text(_DRIFT)).all())
    assert {tuple(row) for row in drift} <= {(0, 0, 0)}


_CHECK = """
    select coalesce(sum(l.quantity) filter (where o.state = 'PENDING_PAYMENT'), 0),
           (select count(*) from flash_sale_units where sale_id = :sale and paid),
           (select coalesce(max(n), 0) from flash_sale_units where sale_id = :sale),
           (select sum(reserved) from stock_movements where source = 'flashSales/' || :sale)
    from orders o join order_lines l on l.order_id = o.id where o.activity = 'flashSales/' || :sale
"""
# Sums of movements are the stock, and what is reserved is what unpaid orders and open sales hold.
_DRIFT = """
    select s.on_hand - m.on_hand, s.reserved - m.reserved,
           s.reserved - coalesce(live.units, 0) - coalesce(sale.units, 0)
    from stocks s
    join (select product_id, sum(on_hand) as on_hand, sum(reserved) as reserved from stock_movements
          group by product_id) m using (product_id)
    left join (select l.product_id, sum(l.quantity) as units from order_lines l join orders o on o.id = l.order_id
               where o.state = 'PENDING_PAYMENT' group by l.product_id) live using (product_id)
    left join (select f.product_id, sum(b.free) as units
               from flash_sales f join flash_sale_buckets b on b.sale_id = f.id
               group by f.product_id) sale using (product_id)
"""
