"""Presales on a real database, and what must always be true of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from services.orders.domain.order import Order
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.presale import Presale
from services.orders.domain.presale_order import PresaleOrder
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import verification
from services.orders.usecases.payment import PayOrder, ReceivePayment, pay_orders, receive_payments
from services.orders.usecases.presale import create_presale
from services.orders.usecases.presale_purchase import BuyPresale, buy
from tests.contract.orders.shelves import on_sale
from tests.support.builders.presales import a_creation, a_purchase


def announced(database: Database[OrdersUnit], *, stock: int = 100, **terms: Any) -> Presale:
    """A presale in which deposits are taken."""
    (product,) = on_sale(database, stock=stock)
    return database.write(create_presale, a_creation(product.id, **terms))


def bought(database: Database[OrdersUnit], of: Presale, **wanted: Any) -> Order:
    """An order that waits for its deposit."""
    (order,) = database.write(buy, [a_purchase(of, **wanted)])
    assert isinstance(order, Order), order
    return order


def try_buy(database: Database[OrdersUnit], *commands: BuyPresale) -> list[Order | str]:
    """Buy, in one transaction; the orders, or why not."""
    outcomes = database.write(buy, commands)
    return [outcome.reason if isinstance(outcome, Fault) else outcome for outcome in outcomes]


def pay(database: Database[OrdersUnit], order: Order, minor: int) -> Order | str:
    """Pay exactly what is asked for now, by hand."""
    command = PayOrder(order.id, Tender.MANUAL, order.money(minor), "", None)
    (outcome,) = database.write(pay_orders, [command])
    return outcome.reason if isinstance(outcome, Fault) else outcome


def receive(database: Database[OrdersUnit], order: Order, minor: int, reference: str) -> Order | str:
    """Money came in elsewhere, whatever the time."""
    payment = Payment(Tender.STORED_VALUE, order.money(minor), reference, order.place_time)
    (outcome,) = database.write(receive_payments, [ReceivePayment(order.id, payment)])
    return outcome.reason if isinstance(outcome, Fault) else outcome


def deposited(database: Database[OrdersUnit], of: Presale, **wanted: Any) -> Order:
    """An order whose deposit is paid."""
    order = bought(database, of, **wanted)
    assert order.instalments is not None
    outcome = pay(database, order, order.instalments.deposit)
    assert isinstance(outcome, Order), outcome
    return outcome


def order_of(database: Database[OrdersUnit], order: Order) -> Order:
    """The order as it is now."""
    return database.read(lambda unit: unit.orders.get([order.id]))[order.id]


def presale_order_of(database: Database[OrdersUnit], order: Order) -> PresaleOrder:
    """Which part of it is paid now."""
    (found,) = database.write(lambda unit: unit.presale_orders.of([order.id]))
    return found


def presale(database: Database[OrdersUnit], of: Presale) -> Presale:
    """The presale as it is now."""
    return database.read(lambda unit: unit.presales.get([of.id]))[of.id]


def events(database: Database[OrdersUnit]) -> list[str]:
    """The types of the events of presales."""
    query = text("select type from outbox where type like 'Presale%'")
    return [row[0] for row in database.read(lambda unit: list(unit.connection.execute(query)))]


def check_parts(database: Database[OrdersUnit]) -> None:
    """Quotas agree with the orders of presales, these with the orders, and money with both."""
    for name, query in _CHECKS.items():
        assert (name, database.read(_rows, query)) == (name, [])


def check_presales(database: Database[OrdersUnit]) -> None:
    """As `check_parts`; and stock, and whatever else is compared of orders, agrees with all of it."""
    check_parts(database)
    report = database.read(lambda unit: unit.stock_proof.compare(10))
    assert [line for difference in report.differences for line in difference.sentences()] == []
    check_compared(database)


def check_compared(database: Database[OrdersUnit]) -> None:
    """Nothing differs that is compared of orders for ever."""

    def compared(unit: OrdersUnit) -> list[str]:
        found = [verification.compare(unit, number) for number in range(unit.verifications.comparisons())]
        return [str(each) for some in found for each in some]

    assert database.write(compared) == []


def _rows(unit: OrdersUnit, query: str) -> list[object]:
    return list(unit.connection.execute(text(query)))


_CHECKS = {
    "units are counted": """
        select p.id, p.taken, s.units from presales p
        left join (select presale_id, sum(quantity) filter (where state in ('RESERVED', 'DEPOSITED', 'PAID')) as units
                   from presale_orders group by presale_id) s on s.presale_id = p.id
        where p.taken <> coalesce(s.units, 0)
    """,
    "members keep to their limit": """
        select p.id, o.member_id from presales p join presale_orders o on o.presale_id = p.id
        where o.state in ('RESERVED', 'DEPOSITED', 'PAID')
        group by p.id, o.member_id having p.member_limit > 0 and sum(o.quantity) > p.member_limit
    """,
    "parts follow their orders": """
        select o.id, o.state, s.state, m.paid, m.kept from orders o
        left join presale_orders s on s.order_id = o.id
        left join lateral (select coalesce(sum(amount), 0) as paid, coalesce(sum(amount - refunded), 0) as kept
                           from payments where order_id = o.id) m on true
        where o.activity like 'presales/%' and (case s.state
            when 'RESERVED' then o.state = 'PENDING_PAYMENT' and m.paid < s.deposit
            when 'DEPOSITED' then o.state = 'PENDING_PAYMENT' and m.paid >= s.deposit and m.paid < o.total
            when 'PAID' then o.state in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'COMPLETED') and m.paid = o.total
            when 'RELEASED' then o.state = 'CANCELLED' and m.kept = 0
            when 'RETURNED' then o.state = 'CANCELLED' and m.kept = 0
            when 'FORFEITED' then o.state = 'CANCELLED' and m.kept = s.deposit
            end) is not true
    """,
    "deposit and balance are the whole": """
        select o.id from orders o join presale_orders s on s.order_id = o.id where o.total <> s.deposit + s.balance
    """,
    "what is given back is refunded": """
        select o.id, o.refunded, r.amount from orders o
        left join (select order_id, sum(amount + credit) as amount from refunds
                   where state in ('PENDING', 'SUCCEEDED') group by order_id) r on r.order_id = o.id
        where o.activity like 'presales/%' and o.refunded <> coalesce(r.amount, 0)
    """,
}
