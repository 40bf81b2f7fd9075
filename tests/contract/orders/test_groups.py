"""Groups of group buys under many hands: real threads on a real database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.names import new_id
from services.orders import publish
from services.orders.domain.group import GroupState
from services.orders.domain.group_buy import GroupBuyKind
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.group import FillGroup, fill_group
from services.orders.usecases.group_sweeps import expire_groups, settle_groups
from services.orders.usecases.order import CancelOrder, CompleteOrder, cancel_order, complete_order
from services.orders.usecases.payment import ReceivePayment, receive_payments
from services.orders.usecases.refund import RefundOrder, refund_order
from tests.contract.orders.groups import (
    check_groups,
    group,
    joined,
    orders_of,
    paid,
    pay,
    recruiting,
    started,
    take,
    taken,
    tick,
)
from tests.support.builders.groups import HOUR, LADDER, a_joining, an_opening
from tests.support.builders.orders import NOW
from tests.support.statements import someone_waits
from tests.support.waiting import until

Later = Callable[[timedelta], Database[OrdersUnit]]


@pytest.fixture
def later(url: str) -> Later:
    """The database, so much later."""

    def make(after: timedelta) -> Database[OrdersUnit]:
        return Database(url, partial(OrdersUnit, publish=publish.to_event), clock=lambda: NOW + after, pool_size=4)

    return make


def reasons(outcomes: Sequence[Order | Fault]) -> Counter[str]:
    return Counter(outcome.reason if isinstance(outcome, Fault) else "DONE" for outcome in outcomes)


def receive(database: Database[OrdersUnit], order: Order) -> Order | Fault:
    """Money that a provider took comes in, however late it is."""
    payment = Payment(Tender.WECHAT_PAY, order.money(order.due), str(order.id), NOW)
    return database.write(receive_payments, [ReceivePayment(order.id, payment)])[0]


def events(database: Database[OrdersUnit]) -> list[str]:
    rows = database.read(lambda unit: unit.connection.execute(text("select type from outbox order by sequence")).all())
    return [row[0].rpartition(".")[2] for row in rows if "Group" in row[0]]


def test_a_group_is_invisible_until_its_leader_pays_and_succeeds_with_the_last_payment(
    database: Database[OrdersUnit],
) -> None:
    opening = an_opening(started(database, size=3))
    order = taken(database, opening)
    assert (order.total, order.activity) == (1000, group(database, opening).name)
    assert reasons(take(database, a_joining(group(database, opening)))) == {"GROUP_NOT_FOUND": 1}
    paid(database, order)
    first = joined(database, group(database, opening))[0]
    assert reasons([pay(database, taken(database, a_joining(group(database, opening))))]) == {"DONE": 1}
    found = group(database, opening)
    assert (found.state, found.paid, found.held, found.final_price) == (GroupState.SUCCEEDED, 3, 0, 1000)

    database.write(refund_order, RefundOrder(new_id(), first.id, None, "", "", None))
    after = group(database, opening)
    assert (after.state, after.paid, after.free) == (GroupState.SUCCEEDED, 3, 0)
    assert reasons(take(database, a_joining(after))) == {"GROUP_NOT_RECRUITING": 1}
    tick(database)
    assert events(database) == ["GroupSucceeded"]
    check_groups(database)


def test_fifty_who_want_the_last_seat_get_one(database: Database[OrdersUnit]) -> None:
    found, _ = recruiting(database, started(database, size=2))
    with ThreadPoolExecutor(12) as threads:
        outcomes = [each for (each,) in threads.map(lambda _: take(database, a_joining(found)), range(50))]
    assert reasons(outcomes) == {"DONE": 1, "GROUP_FULL": 49}
    check_groups(database)


def test_thirty_join_and_pay_at_once_and_the_group_succeeds_once(database: Database[OrdersUnit]) -> None:
    found, _ = recruiting(database, started(database, size=31))

    def live(_: int) -> Order | Fault:
        return pay(database, taken(database, a_joining(found)))

    with ThreadPoolExecutor(12) as threads:
        assert reasons(list(threads.map(live, range(30)))) == {"DONE": 30}
    assert (group(database, found).state, group(database, found).paid) == (GroupState.SUCCEEDED, 31)
    assert events(database) == ["GroupSucceeded"]
    check_groups(database)


def test_a_member_who_clicks_everywhere_at_once_has_one_seat(database: Database[OrdersUnit]) -> None:
    made, member = started(database, size=9, member_limit=2), new_id()
    groups = [recruiting(database, made)[0] for _ in range(4)]
    with ThreadPoolExecutor(12) as threads:
        clicks = threads.map(lambda n: take(database, a_joining(groups[n % 4], member=member)), range(24))
        outcomes = [each for (each,) in clicks]
    assert reasons(outcomes)["DONE"] <= 2
    assert reasons(outcomes).keys() <= {"DONE", "GROUP_SEAT_TAKEN", "GROUP_BUY_LIMIT_REACHED", "CONFLICT"}
    take(database, *(a_joining(each, member=member) for each in groups))
    seats = [each.held for each in (group(database, found) for found in groups)]
    assert (sum(seats), max(seats)) == (2, 1)
    check_groups(database)


def test_paying_and_the_deadline_are_decided_once(database: Database[OrdersUnit], later: Later) -> None:
    """Twenty groups whose last member pays in the moment of the deadline: either all have it, or all have their money
    back."""
    made = started(database, size=2, hold=2 * HOUR)
    just, over = later(2 * HOUR - timedelta(milliseconds=1)), later(2 * HOUR)
    decided: Counter[GroupState] = Counter()
    for number in range(20):
        found, leader = recruiting(database, made)
        order, both = taken(database, a_joining(found)), Barrier(2)

        def at_once(act: Callable[[], object], both: Barrier = both) -> None:
            both.wait()
            act()

        with ThreadPoolExecutor(2) as threads:
            paying = threads.submit(at_once, partial(receive, just if number % 2 else over, order))
            threads.submit(at_once, partial(over.write, expire_groups, 100)).result()
            paying.result()
        tick(over)
        state = group(database, found).state
        decided[state] += 1
        states = {each.state for each in orders_of(database, [leader, order])}
        if state is GroupState.SUCCEEDED:
            assert (number % 2, states) == (1, {OrderState.PAID})
        else:
            assert states == {OrderState.REFUNDED}
    assert decided.keys() <= {GroupState.SUCCEEDED, GroupState.REFUNDING}  # the provider has not paid back yet
    check_groups(database)


def test_a_group_that_is_not_full_gives_everything_back(database: Database[OrdersUnit], later: Later) -> None:
    found, leader = recruiting(database, started(database, size=4, stock=10))
    (member,) = joined(database, found)
    waiting = taken(database, a_joining(found))
    assert waiting.expire_time == NOW + timedelta(minutes=10)
    over = later(2 * HOUR)
    assert reasons(take(over, a_joining(found))) == {"GROUP_NOT_RECRUITING": 1}
    tick(over)
    assert group(database, found).state is GroupState.CLOSED
    states = [order.state for order in orders_of(database, [leader, member, waiting])]
    assert states == [OrderState.REFUNDED, OrderState.REFUNDED, OrderState.CANCELLED]
    on_hand = database.read(lambda unit: unit.connection.execute(text("select on_hand, reserved from stocks")).one())
    assert tuple(on_hand) == (10, 0)
    assert events(database) == ["GroupExpired"]
    check_groups(database)


def test_a_ladder_gives_back_what_it_led_down(database: Database[OrdersUnit], later: Later) -> None:
    made = started(database, size=5, kind=GroupBuyKind.LADDER, steps=LADDER)
    found, leader = recruiting(database, made)
    members = joined(database, found, members=2)
    waiting = taken(database, a_joining(found))
    over = later(2 * HOUR)
    over.write(expire_groups, 100)
    late = receive(over, waiting)
    assert isinstance(late, Order)  # the money was taken: it goes back whole
    tick(over)
    after = group(database, found)
    assert (after.state, after.paid, after.final_price) == (GroupState.SUCCEEDED, 3, 800)
    found_orders = orders_of(database, [leader, *members, late])
    assert [order.refunded for order in found_orders] == [200, 200, 200, 1000]
    assert found_orders[-1].state is OrderState.REFUNDED
    database.write(refund_order, RefundOrder(new_id(), leader.id, None, "", "", None))
    assert orders_of(database, [leader])[0].refunded == 1000
    tick(over)
    check_groups(database)


def test_two_workers_that_settle_a_ladder_at_once_give_back_once(database: Database[OrdersUnit], later: Later) -> None:
    made = started(database, size=5, kind=GroupBuyKind.LADDER, steps=LADDER)
    found, leader = recruiting(database, made)
    members = joined(database, found, members=2)
    over = later(2 * HOUR)
    over.write(expire_groups, 100)
    with ThreadPoolExecutor(1) as pool:

        def first(unit: OrdersUnit) -> Future[int]:
            unit.orders.lock([leader.id])
            second = pool.submit(over.write, settle_groups, 100)
            until(lambda: over.read(someone_waits), what="the second worker at an order")
            settle_groups(unit, 100)
            return second

        over.write(first).result()
    assert [order.refunded for order in orders_of(database, [leader, *members])] == [200, 200, 200]
    check_groups(database)


def test_seats_that_the_merchant_fills_are_no_members(database: Database[OrdersUnit]) -> None:
    made = started(database, size=4, kind=GroupBuyKind.LADDER, steps=LADDER)
    found, leader = recruiting(database, made)
    holding = taken(database, a_joining(found))

    def fill(seats: int) -> str:
        try:
            return database.write(fill_group, FillGroup(made.id, found.id, seats, "slow day", "clerks/1")).state
        except Fault as fault:
            return fault.reason

    assert [fill(3), fill(1), fill(0)] == ["GROUP_FULL", "RECRUITING", "RECRUITING"]
    assert group(database, found).free == 0
    with pytest.raises(Fault, match="waits until"):
        database.write(complete_order, CompleteOrder(leader.id, None))
    paid(database, holding)
    after = group(database, found)
    assert (after.state, after.paid, after.sponsored, after.final_price) == (GroupState.SUCCEEDED, 2, 2, 900)
    assert database.write(complete_order, CompleteOrder(leader.id, None)).state is OrderState.COMPLETED
    tick(database)
    assert [order.refunded for order in orders_of(database, [leader, holding])] == [100, 100]
    check_groups(database)


def test_seats_come_back_and_without_a_leader_nothing_begins(database: Database[OrdersUnit], later: Later) -> None:
    made = started(database, size=3)
    abandoned = an_opening(made)
    taken(database, abandoned)
    found, leader = recruiting(database, made)
    cancelled, unpaid = taken(database, a_joining(found)), taken(database, a_joining(found))
    assert reasons(take(database, a_joining(found))) == {"GROUP_FULL": 1}
    database.write(cancel_order, CancelOrder(cancelled.id, CancelReason.CUSTOMER, None))
    again = a_joining(found, member=cancelled.buyer.member)
    assert reasons(take(database, again)) == {"DONE": 1}
    late = later(timedelta(minutes=11))
    late.write(expire_orders, 100)
    assert (group(database, found).free, orders_of(database, [unpaid])[0].state) == (2, OrderState.CANCELLED)
    tick(late)
    assert group(database, abandoned).state is GroupState.CLOSED
    assert not group(database, abandoned).visible

    (member,) = joined(late, found)
    late.write(refund_order, RefundOrder(new_id(), leader.id, None, "", "", None))
    assert (group(late, found).state, group(late, found).free) == (GroupState.RECRUITING, 2)
    late.write(refund_order, RefundOrder(new_id(), member.id, None, "", "", None))
    tick(late)
    assert group(late, found).state is GroupState.CLOSED
    check_groups(database)


def test_who_may_not_is_refused_in_the_same_batch_as_who_may(database: Database[OrdersUnit]) -> None:
    made = started(database, size=5, stock=3, channels=("web",), kind=GroupBuyKind.NEW_CUSTOMER)
    found, leader = recruiting(database, made)
    old, new = leader.buyer.member, new_id()
    second = an_opening(made, member=old)
    outcomes = take(
        database,
        a_joining(found, member=new),
        a_joining(found, member=new),
        a_joining(found, channel="app"),
        second,
        a_joining(group(database, found), member=new_id()),
    )
    assert [each.reason if isinstance(each, Fault) else "DONE" for each in outcomes] == [
        "DONE",
        "GROUP_SEAT_TAKEN",
        "GROUP_BUY_NOT_ELIGIBLE",
        "DONE",
        "OUT_OF_STOCK",
    ]
    other, _ = recruiting(database, started(database, size=5, kind=GroupBuyKind.NEW_CUSTOMER))
    refused = take(database, a_joining(other, member=old))
    assert reasons(refused) == {"GROUP_BUY_NOT_ELIGIBLE": 1}
    check_groups(database)
