"""Group buys on a real database, and what must always be true of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from services.orders.domain.group import Group
from services.orders.domain.group_buy import GroupBuy, GroupBuyKind
from services.orders.domain.order import Order
from services.orders.domain.payment import Tender
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.group import TakeSeat, take_seats
from services.orders.usecases.group_buy import create_group_buy
from services.orders.usecases.group_sweeps import expire_groups, finish_groups, settle_groups
from services.orders.usecases.payment import PayOrder, pay_orders
from tests.contract.orders.shelves import on_sale
from tests.support.builders.groups import a_creation, a_joining, an_opening


def started(
    database: Database[OrdersUnit], *, stock: int = 100, kind: GroupBuyKind = GroupBuyKind.PLAIN, **terms: Any
) -> GroupBuy:
    """A group buy in which groups can be opened."""
    (product,) = on_sale(database, stock=stock)
    return database.write(create_group_buy, a_creation(product.id, kind=kind, **terms))


def take(database: Database[OrdersUnit], *commands: TakeSeat) -> list[Order | Fault]:
    """Take seats, in one transaction."""
    return database.write(take_seats, commands)


def taken(database: Database[OrdersUnit], command: TakeSeat) -> Order:
    """Take a seat that nobody else wants."""
    (order,) = take(database, command)
    assert isinstance(order, Order), order
    return order


def recruiting(database: Database[OrdersUnit], of: GroupBuy) -> tuple[Group, Order]:
    """A group whose leader has paid, and the leader's order."""
    command = an_opening(of)
    order = paid(database, taken(database, command))
    return group(database, command), order


def joined(database: Database[OrdersUnit], of: Group, *, members: int = 1) -> list[Order]:
    """Members who joined and paid."""
    return [paid(database, taken(database, a_joining(of))) for _ in range(members)]


def pay(database: Database[OrdersUnit], order: Order) -> Order | Fault:
    """Pay what is due."""
    payment = PayOrder(order.id, Tender.MANUAL, order.money(order.due), "", None)
    return database.write(pay_orders, [payment])[0]


def paid(database: Database[OrdersUnit], order: Order) -> Order:
    """Pay an order that can be paid."""
    outcome = pay(database, order)
    assert isinstance(outcome, Order), outcome
    return outcome


def group(database: Database[OrdersUnit], of: Group | TakeSeat) -> Group:
    """The group as it is now."""
    group_id = of.id if isinstance(of, Group) else of.group_id
    return database.read(lambda unit: unit.groups.get([group_id]))[group_id]


def tick(database: Database[OrdersUnit]) -> None:
    """The timers of groups do their work, twice."""
    for _ in range(2):
        database.write(expire_groups, 100)
        database.write(settle_groups, 100)
        database.write(finish_groups, 100)


def orders_of(database: Database[OrdersUnit], orders: Sequence[Order]) -> list[Order]:
    """The orders as they are now."""
    found = database.read(lambda unit: unit.orders.get([order.id for order in orders]))
    return [found[order.id] for order in orders]


def check_groups(database: Database[OrdersUnit]) -> None:
    """The groups agree with their seats, the seats with the orders, and the stock with all of it."""
    for name, query in _CHECKS.items():
        assert (name, database.read(_rows, query)) == (name, [])
    report = database.read(lambda unit: unit.stock_proof.compare(10))
    assert [line for difference in report.differences for line in difference.sentences()] == []


def _rows(unit: OrdersUnit, query: str) -> list[object]:
    return list(unit.connection.execute(text(query)))


_CHECKS = {
    "seats are counted": """
        select g.id, g.state, g.held, g.paid, s.held, s.paid, s.ever from buying_groups g
        left join (select group_id, count(*) filter (where state = 'HELD') as held,
                          count(*) filter (where state = 'PAID') as paid,
                          count(*) filter (where state in ('PAID', 'REFUNDED')) as ever
                   from group_seats group by group_id) s on s.group_id = g.id
        where coalesce(s.held, 0) <> g.held
           or g.state <> 'SUCCEEDED' and coalesce(s.paid, 0) <> g.paid
           or g.state = 'SUCCEEDED' and (g.paid > s.ever or g.paid < s.paid)
    """,
    "sponsored seats are posted": """
        select g.id from buying_groups g
        where g.sponsored <> (select coalesce(sum(seats), 0) from group_sponsorships p where p.group_id = g.id)
    """,
    "seats follow their orders": """
        select o.id, o.state, s.state from orders o left join group_seats s on s.order_id = o.id
        where o.activity like 'groupBuys/%' and not (
            o.state = 'PENDING_PAYMENT' and s.state = 'HELD' or o.state = 'CANCELLED' and s.state is null
            or o.state = 'REFUNDED' and s.state = 'REFUNDED'
            or o.state not in ('PENDING_PAYMENT', 'CANCELLED', 'REFUNDED') and s.state in ('PAID', 'LATE'))
    """,
    "a full group succeeded": """
        select id from buying_groups where state = 'RECRUITING' and (paid + sponsored >= size or paid = 0)
    """,
    "nobody paid for nothing": """
        select o.id from orders o join group_seats s on s.order_id = o.id join buying_groups g on g.id = s.group_id
        where g.state = 'CLOSED' and o.state not in ('CANCELLED', 'REFUNDED')
    """,
    "money goes back whole, or pays for what somebody gets instead": """
        select o.id from orders o join payments p on p.order_id = o.id
        where o.activity like 'groupBuys/%' and o.state in ('REFUNDED', 'CANCELLED')
        group by o.id having sum(p.refunded) + (
            select coalesce(sum(r.credit), 0) from refunds r where r.order_id = o.id) <> sum(p.amount)
    """,
}
