"""Orders survive being stored, in both drivers, and change only from the state that was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from kit.db import AsyncDatabase, Database
from kit.errors import Fault
from kit.names import new_id
from kit.page import Page
from services.orders import publish
from services.orders.domain import imports
from services.orders.domain.order import Order
from services.orders.domain.order_content import Buyer, OrderQuery
from services.orders.domain.order_state import CancelReason
from services.orders.domain.payment import Tender
from services.orders.domain.refund import Claim
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.order import list_orders
from tests.support.builders.orders import NOW, a_tender, an_import_line, an_import_row, an_item, an_order, paid

LATER = NOW + timedelta(hours=1)


def stored(database: Database[OrdersUnit], *orders: Order) -> list[Order]:
    counters = database.write(lambda unit: unit.orders.add(orders))
    return [replace(order, counter=counters[order.id]) for order in orders]


def found(database: Database[OrdersUnit], order: Order) -> Order:
    return database.read(lambda unit: unit.orders.get([order.id]))[order.id]


KINDS = [
    an_order(),
    an_order(
        an_item(quantity=3, discount=100),
        an_item(unit_price=0),
        an_item(category="茶 tea", tax=90, added_tax=40),
        store="stores/杭州 1",
        freight=600,
        freight_tax=34,
        activity="groupBuys/1",
        refund_policy=(Tender.GIFT_CARD, Tender.MANUAL),
        coupons=["coupons/1", "coupons/2"],
        tender=a_tender(points=70, value=700),
    ),
    an_order(buyer=Buyer(account=new_id(), opportunity=new_id()), pay_within=None).backorder(),
    an_order(buyer=Buyer(), channel="客户", currency="KWD"),
]


@pytest.mark.parametrize("order", KINDS)
def test_an_order_is_read_as_it_was_written(database: Database[OrdersUnit], order: Order) -> None:
    (order,) = stored(database, order)
    assert found(database, order) == order


@pytest.mark.parametrize("order", KINDS)
async def test_the_server_reads_what_the_worker_wrote(database: Database[OrdersUnit], url: str, order: Order) -> None:
    (order,) = stored(database, order)
    serving = AsyncDatabase(url, lambda connection, now: OrdersUnit(connection, now, publish.to_event))
    assert await serving.read(lambda unit: unit.orders.get([order.id])) == {order.id: order}
    await serving.close()


@pytest.mark.parametrize(
    "step",
    [
        paid,
        lambda order: order.cancel(CancelReason.MERCHANT, LATER)[0],
    ],
)
def test_a_step_is_read_as_it_was_written(database: Database[OrdersUnit], step: Callable[[Order], Order]) -> None:
    (order,) = stored(database, KINDS[1])
    changed = step(order)
    database.write(lambda unit: unit.orders.save([(order, changed)]))
    assert found(database, order) == changed


def test_a_refund_is_read_as_it_was_written(database: Database[OrdersUnit]) -> None:
    (order,) = stored(database, KINDS[1])
    settled = paid(order)
    database.write(lambda unit: unit.orders.save([(order, settled)]))
    after, refund, _ = settled.refund(new_id(), Claim.units((1, 2)), reason="客户 unhappy", request_id="r", now=LATER)

    def give_back(unit: OrdersUnit) -> None:
        unit.orders.save([(settled, after)])
        unit.refunds.add([refund])

    database.write(give_back)
    assert found(database, order) == after
    assert database.read(lambda unit: unit.refunds.of_request(order.id, "r")) == refund
    assert database.read(lambda unit: unit.refunds.of_request(order.id, "other")) is None


def test_a_step_from_another_state_or_version_is_refused(database: Database[OrdersUnit]) -> None:
    (order,) = stored(database, an_order())
    cancelled, _ = order.cancel(CancelReason.CUSTOMER, LATER)
    database.write(lambda unit: unit.orders.save([(order, cancelled)]))

    def save(unit: OrdersUnit, stale: Order) -> None:
        unit.orders.save([(stale, replace(stale, version=10))])

    for stale in (order, replace(cancelled, version=9), replace(order, version=2)):
        with pytest.raises(Fault) as caught:
            database.write(save, stale)
        assert caught.value.reason == "CONFLICT"
    assert found(database, order) == cancelled


def test_an_import_is_read_as_it_was_written(database: Database[OrdersUnit]) -> None:
    lines = an_import_line(quantity=3, amount=1000, category="music"), an_import_line(amount=0)
    row = an_import_row(*lines, member=new_id(), store="cd-2")
    order, _ = imports.order_of(row, NOW)
    assert database.write(lambda unit: unit.orders.add_imported([order])) == {order.id: ""}
    read = found(database, order)
    assert read == replace(order, counter=read.counter)
    assert database.read(lambda unit: unit.orders.imported([row.key, ("cdnow", "2")])) == {
        row.key: (order.id, row.fingerprint())
    }


def test_another_content_of_an_import_is_read_as_it_was_written(database: Database[OrdersUnit]) -> None:
    row = an_import_row(an_import_line(category="music"), store="cd-2")
    order, _ = imports.order_of(row, NOW)
    database.write(lambda unit: unit.orders.add_imported([order]))
    before = found(database, order)
    again = replace(row, lines=(an_import_line(category="books"), an_import_line(amount=1)), store="cd-3")
    after, _ = imports.reimport(before, again, LATER)
    database.write(lambda unit: unit.orders.replace([(before, after)]))
    assert found(database, order) == after


def test_an_import_that_became_known_meanwhile_is_left_out(database: Database[OrdersUnit]) -> None:
    first, second = (imports.order_of(an_import_row(external_id=each), NOW)[0] for each in "12")
    twin, _ = imports.order_of(an_import_row(external_id="1"), NOW)
    database.write(lambda unit: unit.orders.add_imported([first]))
    assert database.write(lambda unit: unit.orders.add_imported([twin, second])) == {second.id: ""}
    assert database.read(lambda unit: unit.orders.get([twin.id])) == {}


def test_overdue_orders_are_found_the_oldest_first(database: Database[OrdersUnit]) -> None:
    orders = stored(
        database,
        *(an_order(now=NOW - timedelta(minutes=minutes)) for minutes in (15, 20, 14)),
        an_order(pay_within=None),
    )
    assert database.write(lambda unit: unit.orders.overdue(NOW, 10)) == [orders[1].id, orders[0].id]
    assert database.write(lambda unit: unit.orders.overdue(NOW, 1)) == [orders[1].id]


def test_pages_end_where_the_next_begins_even_at_one_instant(database: Database[OrdersUnit]) -> None:
    orders = {order.id for order in stored(database, *(an_order() for _ in range(5)))}
    seen, page = [], Page(2)
    while True:
        rows = database.read(list_orders, OrderQuery(), page)
        seen += [row.id for row in rows[:2]]
        if len(rows) <= 2:
            break
        page = Page(2, (rows[1].place_time.isoformat(), str(rows[1].id)))
    assert (len(seen), set(seen)) == (5, orders)


def test_asking_for_nothing_answers_nothing(database: Database[OrdersUnit]) -> None:
    assert database.read(lambda unit: unit.orders.get([new_id()])) == {}
    assert database.write(lambda unit: unit.orders.lock([])) == {}
    assert database.write(lambda unit: unit.stocks.apply([], NOW)) == []
