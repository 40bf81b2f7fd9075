"""Events and effects, over everything that the suite did: none lost, none there twice, and every ledger balances."""

from __future__ import annotations

from typing import NamedTuple

from cli.demo.databases import Databases, Row, pairs
from cli.demo.reckoning import Comparison, none_of


class Subscription(NamedTuple):
    """Who must take in which events of whom."""

    source: str
    events: tuple[str, ...]
    consumer: str
    queue: str


SERVICES = ("members", "orders", "pipeline", "campaigns")
SUBSCRIPTIONS = (
    Subscription("orders", ("OrderPaid", "OrderRefunded"), "members", "members.settlement"),
    Subscription("orders", ("OrderCancelled",), "members", "members.cancellation"),
    Subscription("orders", ("OrderPaid", "OrderRefunded", "OrderCancelled"), "campaigns", "campaigns.orders"),
    Subscription("orders", ("OrderPlaced",), "pipeline", "pipeline.orders"),
    Subscription("pipeline", ("OpportunityWon",), "orders", "orders.deals"),
)

# What is left of the money that was paid, and the points due for it: one for every whole dollar.
_PAID = """
    select id, member_id, total - points_value - refunded, version, currency from orders
    where member_id is not null and state in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED')
"""
_SETTLED = 'select "order", member, net, version, currency from purchases'
_PROFILED = "select order_id, member_id, net, version, currency from purchases"
# Points in a member's hands by the order they come from, and how many postings brought them.
_EARNED = """
    select substr(e.source, 8)::uuid, sum(case when c.owner = h.id then -e.amount else e.amount end)::bigint,
           count(*) filter (where e.kind = 'ACCRUAL' and c.kind = 'available')
    from ledger_entries e join ledger_accounts c on c.id = e.credit,
         (select owner as id from ledger_accounts where unit = 'points' and kind = 'expense') h
    where e.kind in ('ACCRUAL', 'CLAWBACK') and e.source like 'orders/%%'
    group by e.source
"""
_UNBALANCED = """
    select a.id, a.balance, coalesce(i.amount, 0) - coalesce(o.amount, 0)
    from ledger_accounts a
    left join (select credit, sum(amount) as amount from ledger_entries group by credit) i on i.credit = a.id
    left join (select debit, sum(amount) as amount from ledger_entries group by debit) o on o.debit = a.id
    where a.balance <> coalesce(i.amount, 0) - coalesce(o.amount, 0)
"""
_STOCK = """
    select s.product_id, s.on_hand || '/' || s.reserved, sum(m.on_hand) || '/' || sum(m.reserved)
    from stocks s left join stock_movements m using (product_id, location)
    group by s.product_id, s.location, s.on_hand, s.reserved
    having s.on_hand <> coalesce(sum(m.on_hand), 0) or s.reserved <> coalesce(sum(m.reserved), 0)
"""
_MONEY = """
    select o.id, o.total, l.amount, p.amount from orders o
    left join (select order_id, sum(amount) as amount from order_lines group by order_id) l on l.order_id = o.id
    left join (select order_id, sum(amount) as amount from payments group by order_id) p on p.order_id = o.id
    where o.total <> coalesce(l.amount, 0)
       or (o.pay_time is not null and coalesce(p.amount, 0) not in (o.total, o.total - o.points_value))
"""
_TWICE = {
    "orders": """
        select 'order ' || channel || ' ' || external_id, count(*) from orders where external_id is not null
        group by 1 having count(*) > 1
        union all
        select 'order of opportunity ' || opportunity_id, count(*) from orders where opportunity_id is not null
        group by 1 having count(*) > 1
    """,
    "campaigns": """
        select 'coupon ' || template_id || ' for ' || cause || ' of ' || member_id, count(*) from coupons
        where cause <> '' group by 1 having count(*) > 1
        union all
        select 'reward ' || automation_id || ' for ' || member_id, count(*) from automation_runs
        where coupon_id is not null group by 1 having count(*) > 1
    """,
}


def reconcile(found: Databases) -> list[Comparison]:
    """Everything that must hold, whatever was done."""
    paid = found.rows("orders", _PAID)
    return [
        *(_taken_in(subscription, found) for subscription in SUBSCRIPTIONS),
        _unsent(found),
        _followed("paid orders that members has not settled as they are now", paid, found.rows("members", _SETTLED)),
        _followed("paid orders that are not in a profile as they are now", paid, found.rows("campaigns", _PROFILED)),
        *_points_due(paid, found),
        _none_twice(found),
        _wrong("accounts whose balance is not the sum of their entries", found.rows("members", _UNBALANCED)),
        _wrong("stocks that are not the sum of their movements", found.rows("orders", _STOCK)),
        _wrong("orders that are not worth their lines, or not paid so", found.rows("orders", _MONEY)),
    ]


def _taken_in(subscription: Subscription, found: Databases) -> Comparison:
    """Events of the source that the consumer has not taken in; or that it took in though nobody sent them."""
    sql = "select id from outbox where type = any(%s)"
    sent = {row[0] for row in found.rows(subscription.source, sql, list(subscription.events))}
    sql = "select event_id from inbox where consumer = %s"
    taken = {row[0] for row in found.rows(subscription.consumer, sql, subscription.queue)}
    lost, invented = sent - taken, taken - sent
    wrong = {str(event): "was never taken in" for event in lost}
    wrong |= {str(event): "was taken in though nobody sent it" for event in invented}
    title = f"{', '.join(subscription.events)} of {subscription.source} in {subscription.queue}"
    shown = none_of(title, wrong)
    return Comparison(
        title, f"{len(sent):,}", f"{len(sent & taken):,}", shown.differences, lost=len(lost), duplicated=len(invented)
    )


def _unsent(found: Databases) -> Comparison:
    sql = "select id, type from outbox where published_at is null"
    left = {str(row[0]): f"{row[1]} of {service}" for service in SERVICES for row in found.rows(service, sql)}
    return none_of("events that were never sent", left, lost=True)


def _followed(title: str, paid: list[Row], settled: list[Row]) -> Comparison:
    """The newest state of every order has arrived, and of no order that was not paid."""
    there = {row[0]: row[1:] for row in settled}
    wrong = {}
    for order, *state in paid:
        if there.pop(order, None) != tuple(state):
            wrong[str(order)] = "its newest state has not arrived"
    wrong |= {str(order): "nobody paid it" for order in there}
    return none_of(title, wrong, lost=True)


def _points_due(paid: list[Row], found: Databases) -> list[Comparison]:
    """One point for every whole dollar that is left of an order, posted once."""
    due = {order: net // 100 for order, _, net, _, currency in paid if currency == "USD"}
    earned = {order: (points, postings) for order, points, postings in found.rows("members", _EARNED)}
    less = {str(order): "too few points" for order, points in due.items() if earned.get(order, (0, 0))[0] < points}
    more = {
        str(order): f"{points} points in {postings} postings"
        for order, (points, postings) in earned.items()
        if points > due.get(order, 0) or postings > 1
    }
    return [
        none_of("orders with fewer points than are due", less, lost=True),
        none_of("orders with more points than are due, or earned twice", more, duplicated=True),
    ]


def _none_twice(found: Databases) -> Comparison:
    wrong = {
        what: f"{count} times"
        for service, sql in _TWICE.items()
        for what, count in pairs(found.rows(service, sql)).items()
    }
    return none_of("orders, coupons and rewards that are there twice", wrong, duplicated=True)


def _wrong(title: str, rows: list[Row]) -> Comparison:
    return none_of(title, {str(row[0]): " / ".join(map(str, row[1:])) for row in rows})
