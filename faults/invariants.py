"""What must hold in every database at any time: by the services' own verify commands, and by SQL that knows nothing of
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from cli.verifying import everybody, stocks, whole_orders
from faults.evidence import Evidence

_WORKERS = 2


class Invariant(NamedTuple):
    """A sentence, the database it is about, and a statement that answers what contradicts it."""

    title: str
    service: str
    statement: str


INVARIANTS = (
    Invariant(
        "every account's balance is the sum of its entries",
        "members",
        """
        select a.id from ledger_accounts a
        left join (
            select id, sum(amount) as posted from (
                select credit as id, amount from ledger_entries union all select debit, -amount from ledger_entries
            ) sides group by id
        ) p on p.id = a.id
        where a.balance is not null and a.balance <> coalesce(p.posted, 0)
        """,
    ),
    Invariant(
        "entries move a positive amount between two accounts of one unit, so that all accounts of a unit sum to zero",
        "members",
        """
        select e.id from ledger_entries e
        left join ledger_accounts d on d.id = e.debit left join ledger_accounts c on c.id = e.credit
        where e.amount <= 0 or d.unit is distinct from c.unit or e.debit = e.credit
        """,
    ),
    Invariant(
        "nobody has less than nothing",
        "members",
        "select id from ledger_accounts where kind in ('available', 'held', 'pending') and balance < 0",
    ),
    Invariant(
        "what is held is the sum of the holds that are active",
        "members",
        """
        select a.owner from ledger_accounts a
        left join (select member, sum(points) as points from holds where state = 'ACTIVE' group by member) h
            on h.member = a.owner
        where a.unit = 'points' and a.kind = 'held' and a.balance <> coalesce(h.points, 0)
        """,
    ),
    Invariant(
        "one order earns points once",
        "members",
        """
        select source from ledger_entries where kind = 'ACCRUAL' and source like 'orders/%' and lot is not null
        group by source having count(*) > 1
        """,
    ),
    Invariant(
        "stock is the sum of its movements",
        "orders",
        """
        select product_id from stocks s
        left join lateral (
            select coalesce(sum(m.on_hand), 0) as on_hand, coalesce(sum(m.reserved), 0) as reserved
            from stock_movements m where m.product_id = s.product_id and m.location = s.location
        ) moved on true
        where s.on_hand <> moved.on_hand or s.reserved <> moved.reserved
        """,
    ),
    Invariant(
        "nothing is oversold",
        "orders",
        "select product_id from stocks where on_hand < 0 or reserved < 0 or (reserved > on_hand and policy = 'DENY')",
    ),
    Invariant(
        "an order moves its stock once",
        "orders",
        """
        select order_id from stock_movements where order_id is not null
        group by order_id, product_id, location, kind having count(*) > 1
        """,
    ),
    Invariant(
        "sold, held and free are the quota of a flash sale",
        "orders",
        "select sale_id from flash_sale_buckets where quota <> sold + held + free + returned",
    ),
    Invariant(
        "a paid order got what it costs, and its lines add up to it",
        "orders",
        """
        select o.id from orders o
        left join (select order_id, sum(amount) as amount from order_lines group by order_id) l on l.order_id = o.id
        left join (select order_id, sum(amount) as amount from payments group by order_id) p on p.order_id = o.id
        where o.total <> coalesce(l.amount, 0) + o.freight
           or (o.state in ('PAID', 'COMPLETED') and o.total <> coalesce(p.amount, 0))
        """,
    ),
    Invariant(
        "a payment is noted once",
        "orders",
        """
        select reference from payments where tender = 'MANUAL' and reference <> ''
        group by reference having count(*) > 1
        """,
    ),
    Invariant(
        "what a profile says was spent is the sum of the purchases",
        "campaigns",
        """
        select s.member_id from spendings s
        left join lateral (
            select coalesce(sum(p.net), 0) as net, count(*) filter (where p.counts) as number
            from purchases p where p.member_id = s.member_id and p.currency = s.currency
        ) bought on true
        where s.total <> bought.net or s.order_count <> bought.number
        """,
    ),
)


def broken(evidence: Evidence) -> Iterator[str]:
    """A sentence for each invariant that does not hold, by independent SQL."""
    for each in INVARIANTS:
        rows = evidence.query(each.service, each.statement)
        if rows:
            yield f"not so: {each.title} ({len(rows)} times, first {rows[0][0]})"


def differences(urls: Mapping[str, str], *, tiers: bool) -> Iterator[str]:
    """A sentence for each difference that the services' own verify commands find."""
    for found in everybody.verify(urls["members"], workers=_WORKERS, tiers=tiers).differences:
        yield f"kehu verify members: {found}"
    for stock in stocks.verify(urls["orders"]).differences:
        yield from (f"kehu verify stock: {sentence}" for sentence in stock.sentences())
    for order in whole_orders.verify(urls["orders"], workers=_WORKERS).differences:
        yield f"kehu verify orders: {order}"
