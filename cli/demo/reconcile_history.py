"""The history in the databases against the file: customer by customer, purchase by purchase."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from cli.demo.databases import Databases, pairs
from cli.demo.reckoning import Comparison, compare, compare_each
from cli.demo.reconcile_file import Expected, Purchase, Spending, Upgrade
from kit.vault import Vault

CHANNEL = "cdnow"

_MEMBERS = "select value, member from identifiers where kind = 'external' and channel = %s"
_ORDERS = """
    select o.member_id, o.pay_time, (select sum(quantity)::bigint from order_lines where order_id = o.id),
           (select sum(amount)::bigint from order_lines where order_id = o.id)
    from orders o where o.channel = %s and o.state = 'PAID' and o.currency = 'USD'
"""
_TOTALS = """
    select count(*), (select sum(quantity)::bigint from order_lines l join orders o on o.id = l.order_id
                      where o.channel = %s), sum(total)::bigint
    from orders where channel = %s
"""
# The balance that is kept, and the one that the entries make: both must be what the file says.
_POINTS = """
    select a.owner, a.balance, coalesce(i.points, 0)::bigint - coalesce(o.points, 0)::bigint
    from ledger_accounts a
    left join (select credit, sum(amount) as points from ledger_entries group by credit) i on i.credit = a.id
    left join (select debit, sum(amount) as points from ledger_entries group by debit) o on o.debit = a.id
    where a.unit = 'points' and a.kind = 'available'
"""
_UPGRADES = "select member, time, to_tier from tier_changes where upgrade order by member, time"
_SPENDINGS = """
    select member_id, order_count, total, first_purchase, last_purchase from spendings where currency = 'USD'
"""


@dataclass(frozen=True)
class History:
    """What the databases hold of the channel."""

    customers: int
    orders: int
    items: int
    revenue: int
    points: int
    upgrades: int


def reconcile(expected: Expected, found: Databases, vault: Vault) -> tuple[History, list[Comparison]]:
    """Compare everything that the history must have led to."""
    members = pairs(found.rows("members", _MEMBERS, CHANNEL))
    hashes = {vault.digest("external", CHANNEL, customer): customer for customer in expected.purchases}
    customers = {member: hashes.get(value, f"unknown {value}") for value, member in members.items()}
    orders, items, revenue = found.rows("orders", _TOTALS, CHANNEL, CHANNEL)[0]
    balances, entries = _points(found, customers)
    upgrades = _upgrades(found, customers)
    history = History(
        len(members), orders, items or 0, revenue or 0, sum(balances.values()), sum(map(len, upgrades.values()))
    )
    return history, [
        compare("customers enrolled", len(expected.purchases), history.customers),
        compare("orders", expected.orders, history.orders),
        compare("items", expected.items, history.items),
        compare("revenue in cents", expected.revenue, history.revenue),
        compare_each("purchases of each customer", _sorted(expected.purchases), _purchases(found, customers)),
        compare("points of all customers", sum(expected.points.values()), history.points),
        compare_each("points of each customer, as balance", expected.points, balances),
        compare_each("points of each customer, as sum of entries", expected.points, entries),
        compare("tier upgrades", sum(map(len, expected.upgrades.values())), history.upgrades),
        compare_each("tier upgrades of each customer, with dates", expected.upgrades, upgrades),
        compare_each("RFM profile of each customer", expected.spendings, _spendings(found, customers)),
    ]


def _sorted(purchases: dict[str, list[Purchase]]) -> dict[str, Counter[Purchase]]:
    return {customer: Counter(log) for customer, log in purchases.items()}


def _purchases(found: Databases, customers: dict[Any, str]) -> dict[str, Counter[Purchase]]:
    purchases: dict[str, Counter[Purchase]] = {}
    for member, time, items, net in found.rows("orders", _ORDERS, CHANNEL):
        customer = customers.get(member, f"unknown {member}")
        purchases.setdefault(customer, Counter())[Purchase(time, items, net)] += 1
    return purchases


def _points(found: Databases, customers: dict[Any, str]) -> tuple[dict[str, int], dict[str, int]]:
    rows = [row for row in found.rows("members", _POINTS) if row[0] in customers]
    return {customers[row[0]]: row[1] for row in rows}, {customers[row[0]]: row[2] for row in rows}


def _upgrades(found: Databases, customers: dict[Any, str]) -> dict[str, list[Upgrade]]:
    upgrades: dict[str, list[Upgrade]] = {}
    for member, time, tier in found.rows("members", _UPGRADES):
        if member in customers:
            upgrades.setdefault(customers[member], []).append(Upgrade(time, tier))
    return upgrades


def _spendings(found: Databases, customers: dict[Any, str]) -> dict[str, Spending]:
    rows = found.rows("campaigns", _SPENDINGS)
    return {customers[row[0]]: Spending(*row[1:]) for row in rows if row[0] in customers}
