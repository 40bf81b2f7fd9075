"""Presales under many hands: real threads on a real database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.names import new_id
from kit.page import Page
from services.orders import publish
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.presale import Presale
from services.orders.domain.presale_order import PresaleOrderState
from services.orders.domain.refund import Claim
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.order import CancelOrder, cancel_order
from services.orders.usecases.presale import CancelPresale, cancel_presale, list_presale_orders
from services.orders.usecases.presale_sweeps import remind, settle_cancelled
from services.orders.usecases.refund import RefundOrder, refund_order
from tests.contract.orders.presales import (
    announced,
    bought,
    check_compared,
    check_presales,
    deposited,
    events,
    order_of,
    pay,
    presale,
    presale_order_of,
    receive,
    try_buy,
)
from tests.support.builders.orders import NOW
from tests.support.builders.presales import HOUR, a_purchase

BALANCE, OVER = NOW + 3 * HOUR, NOW + 7 * HOUR
"""When balances can be paid, and when no more."""

At = Callable[[datetime], Database[OrdersUnit]]


@pytest.fixture
def at(url: str) -> Iterator[At]:
    """The database at another instant that stands still."""
    opened: list[Database[OrdersUnit]] = []

    def later(now: datetime) -> Database[OrdersUnit]:
        make = partial(OrdersUnit, publish=publish.to_event)
        opened.append(Database(url, make, constraints=CONSTRAINTS, clock=lambda: now, pool_size=8))
        return opened[-1]

    yield later
    for each in opened:
        each.close()


def left(database: Database[OrdersUnit], of: Presale) -> int:
    return presale(database, of).left


def test_an_order_is_paid_in_two_parts_and_refunds_sum_to_what_was_paid(database: Database[OrdersUnit], at: At) -> None:
    made = announced(database)
    order = bought(database, made, units=3)
    assert (order.total, order.lines[0].discount, left(database, made)) == (27000, 3000, 7)
    assert pay(database, order, 27000) == "AMOUNT_MISMATCH"
    waiting = pay(database, order, 3000)
    assert isinstance(waiting, Order)
    assert (waiting.state, waiting.expire_time) == (OrderState.PENDING_PAYMENT, OVER)
    assert order_of(database, order).expire_time == OVER
    assert pay(database, order, 24000) == "BALANCE_NOT_DUE"
    later = at(BALANCE)
    paid = pay(later, order, 24000)
    assert isinstance(paid, Order)
    assert (paid.state, presale_order_of(later, order).state) == (OrderState.PAID, PresaleOrderState.PAID)
    refunds = [
        later.write(refund_order, RefundOrder(new_id(), order.id, Claim.units((1, units)), "", "", None))
        for units in (1, 2)
    ]
    assert [refund.amount.minor for refund in refunds] == [9000, 18000]
    assert order_of(later, order).state is OrderState.REFUNDED
    assert [row.order for row in later.read(list_presale_orders, made.id, Page(10))] == [order.id]
    check_presales(later)


@pytest.mark.parametrize(("forfeit", "kept"), [(True, 1000), (False, 0)])
def test_a_balance_that_nobody_pays_ends_the_order_and_leaves_exactly_the_deposit_or_nothing(
    database: Database[OrdersUnit], at: At, forfeit: bool, kept: int
) -> None:
    made = announced(database, forfeit=forfeit)
    order, never = deposited(database, made), bought(database, made)
    at(BALANCE).write(expire_orders, 10)
    assert [order_of(database, each).state for each in (order, never)] == [
        OrderState.PENDING_PAYMENT,
        OrderState.CANCELLED,
    ]
    assert isinstance(receive(at(BALANCE), order, 2500, "a part of it"), Order)
    over = at(OVER)
    over.write(expire_orders, 10)
    cancelled = order_of(over, order)
    assert (cancelled.state, cancelled.forfeited, cancelled.refunded) == (OrderState.CANCELLED, kept, 3500 - kept)
    assert [payment.left for payment in cancelled.payments] == [kept, 0]
    assert presale_order_of(over, order).state.value == ("FORFEITED" if forfeit else "RETURNED")
    assert left(over, made) == 10
    assert receive(over, order, 5500, "too late") == "ORDER_STATE_INVALID"
    check_presales(over)


@pytest.mark.parametrize("reason", CancelReason)
def test_who_gives_an_order_up_decides_about_its_deposit(database: Database[OrdersUnit], reason: CancelReason) -> None:
    made = announced(database)
    order = deposited(database, made)
    cancelled = database.write(cancel_order, CancelOrder(order.id, reason, None))
    assert cancelled.refunded == (1000 if reason is CancelReason.MERCHANT else 0)
    check_presales(database)


def test_a_cancelled_presale_gives_everything_back_but_to_those_who_have_paid_everything(
    database: Database[OrdersUnit], at: At
) -> None:
    made = announced(database)
    whole, half, none = deposited(database, made), deposited(database, made), bought(database, made)
    later = at(BALANCE)
    assert isinstance(pay(later, whole, 8000), Order)
    later.write(cancel_presale, CancelPresale(made.id, None))
    assert try_buy(database, a_purchase(made)) == ["PRESALE_NOT_OPEN"]
    with ThreadPoolExecutor(3) as threads:
        done = list(threads.map(lambda _: later.write(settle_cancelled, 10), range(3)))
    assert sum(done) == 2
    assert later.write(settle_cancelled, 10) == 0
    assert [order_of(later, each).refunded for each in (whole, half, none)] == [0, 1000, 0]
    assert left(later, made) == 9
    check_presales(later)


def test_a_quota_is_sold_to_the_last_unit_and_not_beyond(database: Database[OrdersUnit]) -> None:
    made = announced(database, quota=7, stock=50, member_limit=2)
    members = [new_id() for _ in range(6)]
    wanted = [a_purchase(made, member=members[n % 6], units=1 + n % 2) for n in range(40)]
    with ThreadPoolExecutor(12) as threads:
        batches = threads.map(lambda n: try_buy(database, *wanted[n : n + 2]), range(0, 40, 2))
        outcomes = [outcome for batch in batches for outcome in batch]
    sold = sum(each.lines[0].quantity for each in outcomes if isinstance(each, Order))
    assert (sold, left(database, made)) == (7, 0)
    assert {each for each in outcomes if isinstance(each, str)} <= {"PRESALE_SOLD_OUT", "PRESALE_LIMIT_REACHED"}
    check_presales(database)


def test_stock_that_is_too_little_takes_nothing_of_the_quota(database: Database[OrdersUnit]) -> None:
    made = announced(database, stock=1)
    outcomes = try_buy(database, a_purchase(made), a_purchase(made, units=2), a_purchase(made, channel="web"))
    assert [each if isinstance(each, str) else "BOUGHT" for each in outcomes] == [
        "BOUGHT",
        "OUT_OF_STOCK",
        "OUT_OF_STOCK",
    ]
    assert left(database, made) == 9
    check_presales(database)


def test_a_balance_that_comes_many_times_at_once_is_taken_once(database: Database[OrdersUnit], at: At) -> None:
    order = deposited(database, announced(database))
    later = at(BALANCE)
    with ThreadPoolExecutor(8) as threads:
        same = [threads.submit(receive, later, order, 8000, "transaction 1") for _ in range(4)]
        others = [threads.submit(receive, later, order, 8000, f"transaction {n}") for n in range(2, 6)]
        outcomes = [each.result() for each in [*same, *others]]
    paid = order_of(later, order)
    assert (paid.state, paid.received, len(paid.payments)) == (OrderState.PAID, 9000, 2)
    taken = Counter(each if isinstance(each, str) else "TAKEN" for each in outcomes)
    assert taken["TAKEN"] in {1, 4}
    assert sum(taken.values()) == 8
    check_presales(later)


def test_a_balance_and_its_deadline_are_decided_once(database: Database[OrdersUnit], at: At) -> None:
    made = announced(database)
    orders = [deposited(database, made) for _ in range(8)]
    over = at(OVER)
    with ThreadPoolExecutor(8) as threads:
        paying = [threads.submit(receive, over, order, 8000, str(order.id)) for order in orders]
        expiring = [threads.submit(over.write, expire_orders, 3) for _ in range(6)]
        outcomes = [each.result() for each in paying]
        [each.result() for each in expiring]
    over.write(expire_orders, 100)
    for order, outcome in zip(orders, outcomes, strict=True):
        after = order_of(over, order)
        if isinstance(outcome, str):
            assert (outcome, after.state, after.forfeited) == ("ORDER_STATE_INVALID", OrderState.CANCELLED, 1000)
        else:
            assert (after.state, after.received) == (OrderState.PAID, 9000)
    check_presales(over)


def test_members_are_reminded_once_when_the_window_opens_and_once_before_it_ends(
    database: Database[OrdersUnit], at: At
) -> None:
    made = announced(database)
    for _ in range(4):
        deposited(database, made)
    paid = deposited(database, made)
    assert database.write(remind, 10) == 0

    def sweep(now: datetime) -> int:
        later = at(now)
        with ThreadPoolExecutor(3) as threads:
            return sum(threads.map(lambda _: later.write(remind, 2), range(6)))

    assert sweep(BALANCE) == 5
    assert isinstance(pay(at(BALANCE), paid, 8000), Order)
    assert sweep(BALANCE + HOUR) == 0
    assert sweep(OVER - HOUR) == 4
    assert sweep(OVER) == 0
    told = Counter(events(database))
    assert told == {"PresaleDepositPaid": 5, "PresaleBalanceOpened": 5, "PresaleBalanceClosing": 4}


@pytest.mark.parametrize(
    "forgery",
    [
        "update presales set taken = taken + 1",
        "update payments set refunded = 1",
        "update orders set instalments = jsonb_set(instalments, '{deposit}', '999')",
    ],
)
def test_a_forged_presale_is_found(database: Database[OrdersUnit], at: At, forgery: str) -> None:
    order = deposited(database, announced(database))
    over = at(OVER)
    over.write(expire_orders, 10)
    assert order_of(over, order).forfeited == 1000
    check_presales(over)
    over.write(lambda unit: unit.connection.execute(text(forgery)))
    with pytest.raises(AssertionError):
        check_compared(over)
