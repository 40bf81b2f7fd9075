"""An order is paid, expires or is cancelled: whoever is first decides, for all of its consequences."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Tender
from services.orders.domain.stock import Place
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.orders import MINUTES, NOW, a_placement, an_item

ORDERS = 24


@pytest.mark.parametrize("seed", range(2))
def test_pay_timeout_and_cancel_are_decided_once(database: Database[OrdersUnit], seed: int) -> None:
    (product,) = on_sale(database, stock=ORDERS)
    placements = [a_placement(an_item(product=product.id)) for _ in range(ORDERS)]
    placed = [order for order in database.write(place_orders, placements) if isinstance(order, Order)]
    url = database._engine.url.render_as_string(hide_password=False).replace("+psycopg2", "")
    late = Database(url, database._unit, clock=lambda: NOW + MINUTES + timedelta(seconds=1), pool_size=4)

    def pay(order: Order) -> Callable[[], object]:
        command = PayOrder(order.id, Tender.MANUAL, order.money(order.due), "cash", None)
        return lambda: database.write(pay_orders, [command])

    def cancel(order: Order) -> Callable[[], object]:
        return lambda: database.write(cancel_order, CancelOrder(order.id, CancelReason.CUSTOMER, None))

    acts = [act(order) for order in placed for act in (pay, pay, cancel)]
    acts += [lambda: late.write(expire_orders, 5)] * ORDERS
    random.Random(seed).shuffle(acts)
    run(acts)
    late.write(expire_orders, ORDERS)
    late.close()

    ended = database.read(lambda unit: unit.orders.get([order.id for order in placed]))
    states = [order.state for order in ended.values()]
    assert set(states) <= {OrderState.PAID, OrderState.CANCELLED}
    events = database.read(
        lambda unit: unit.connection.execute(
            text("""select aggregateid, array_agg(type order by type) from outbox
                    where type in ('OrderPaid', 'OrderCancelled') group by aggregateid""")
        ).all()
    )
    told = {row[0]: row[1] for row in events}
    assert told == {
        f"orders/{order.id}": ["OrderPaid" if order.state is OrderState.PAID else "OrderCancelled"]
        for order in ended.values()
    }
    (stock,) = database.write(lambda unit: unit.stocks.lock([Place(product.id)]))
    assert (stock.on_hand, stock.reserved) == (ORDERS - states.count(OrderState.PAID), 0)


def run(acts: list[Callable[[], object]]) -> None:
    """All of them in eight threads."""
    waiting = list(acts)

    def work() -> None:
        while True:
            try:
                act = waiting.pop()
            except IndexError:
                return
            with contextlib.suppress(Fault):
                act()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
