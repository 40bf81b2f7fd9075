"""The reckoning on real databases: it holds when everything is there, and finds whatever is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.demo.databases import databases
from cli.demo.reconcile import Reckoning, reconcile
from tests.component.cli.books import LINE, Books
from tests.support.keyring import VAULT


@pytest.fixture
def books(migrated: Callable[[str], str], tmp_path: Path) -> Books:
    """Databases in which everything is as it must be."""
    return Books(migrated, tmp_path)


def reckon(books: Books) -> Reckoning:
    with databases(books.urls.__getitem__) as found:
        return reconcile(books.file, found, VAULT, tell=lambda comparison: None)


def wrong(reckoning: Reckoning) -> set[str]:
    return {comparison.title for comparison in reckoning.comparisons if not comparison.holds}


def test_databases_in_which_all_is_well_are_reconciled(books: Books) -> None:
    reckoning = reckon(books)
    assert wrong(reckoning) == set()
    assert reckoning.line == LINE


TWO_COUPONS = """
    insert into coupons (id, template_id, member_id, cause, issue_time, start_time, expire_time, state, version)
    select gen_random_uuid(), t, t, 'segments/1', now(), now(), now(), 'ISSUED', 1
    from generate_series(1, 2), (select gen_random_uuid() as t) t
"""
TAMPERED = [
    ("orders", "update orders set pay_time = pay_time + interval '1 day'", "purchases of each customer"),
    ("orders", "update orders set total = 1178 where total = 1177", "revenue in cents"),
    ("orders", "update order_lines set quantity = 4 where quantity = 5", "items"),
    ("orders", "delete from orders where total = 0", "orders"),
    ("orders", "update outbox set published_at = null", "events that were never sent"),
    ("members", "update ledger_accounts set balance = balance + 1", "points of each customer, as balance"),
    ("members", "delete from ledger_entries where amount = 120", "points of each customer, as sum of entries"),
    ("members", "update tier_changes set to_tier = 'gold'", "tier upgrades of each customer, with dates"),
    ("members", "delete from tier_changes", "tier upgrades"),
    ("campaigns", "update spendings set order_count = 3", "RFM profile of each customer"),
    ("campaigns", "drop index coupons_cause", ""),
    ("campaigns", TWO_COUPONS, "orders, coupons and rewards that are there twice"),
    ("members", "delete from identifiers where value > (select min(value) from identifiers)", "customers enrolled"),
]


def test_whatever_is_wrong_is_found(books: Books) -> None:
    before: set[str] = set()
    for service, sql, title in TAMPERED:
        books.run(service, sql)
        reckoning = reckon(books)
        if title:
            assert title in wrong(reckoning) - before, title
            assert reckoning.line == "NOT RECONCILED"
        before = wrong(reckoning)


def test_what_does_not_fit_together_is_found_whatever_the_file_says(books: Books) -> None:
    books.run("orders", "update payments set amount = 1 where amount = 12000")
    books.run("members", "delete from ledger_entries where amount = 120")
    books.run("members", "delete from purchases where net = 0")
    books.run("campaigns", "update purchases set net = 1 where net = 0")
    assert wrong(reckon(books)) == {
        "points of each customer, as sum of entries",
        "accounts whose balance is not the sum of their entries",
        "orders with fewer points than are due",
        "orders that are not worth their lines, or not paid so",
        "paid orders that members has not settled as they are now",
        "paid orders that are not in a profile as they are now",
    }


def test_a_lost_event_is_counted(books: Books) -> None:
    books.run("members", "delete from inbox where ctid in (select ctid from inbox limit 1)")
    (found,) = [comparison for comparison in reckon(books).comparisons if not comparison.holds]
    assert (found.lost, found.duplicated) == (1, 0)
    assert found.title == "OrderPaid, OrderRefunded of orders in members.settlement"


def test_an_order_that_earned_twice_is_counted(books: Books) -> None:
    books.earn(books.sales[0])
    duplicated = sum(comparison.duplicated for comparison in reckon(books).comparisons)
    assert duplicated == 1
