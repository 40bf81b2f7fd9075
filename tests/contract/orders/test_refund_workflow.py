"""Refunds that people decide on, on a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from uuid import UUID

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from kit.page import Page
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import PointsTender, Tender
from services.orders.domain.refund import (
    ClaimLine,
    PayoutStep,
    Refund,
    RefundKind,
    RefundQuery,
    RefundState,
)
from services.orders.domain.shipment import Parcel
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import fulfilment
from services.orders.usecases import refund as refunds
from services.orders.usecases.order import CompleteOrder, complete_order, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders, receive_payments
from services.orders.usecases.refund import ReceiveReturn, SettleRefund
from tests.contract.orders.purchases import a_part, deciding, on_hand, refunding, refusal, stored, told
from tests.support.builders.orders import NOW, a_placement, an_item
from tests.support.waiting import until


def test_refunds_of_before_payments_told_theirs_are_read_as_they_were(
    database: Database[OrdersUnit], bought: Order, product: UUID
) -> None:
    (other,) = database.write(place_orders, [a_placement(an_item(product=product, quantity=2))])
    assert isinstance(other, Order)
    database.write(pay_orders, [PayOrder(other.id, Tender.MANUAL, other.money(other.due), "", None)])
    database.write(refunds.refund_order, refunding(other, ClaimLine(1, 1)))
    before = stored(database, other)
    assert before.payments[0].refunded == 990
    database.write(lambda unit: unit.connection.execute(text("update payments set refunded = null")))
    assert stored(database, other) == before


def test_a_refund_is_read_as_it_was_made_and_settled(database: Database[OrdersUnit], bought: Order) -> None:
    preview = database.read(refunds.preview_refund, refunding(bought, ClaimLine(1, 1), freight=100))
    made = database.write(refunds.refund_order, refunding(bought, ClaimLine(1, 1), freight=100))
    assert replace(preview, id=made.id) == made
    assert database.read(refunds.get_refund, bought.id, made.id) == made
    assert (made.state, made.amount.minor, made.freight) == (RefundState.PENDING, 1000, 100)
    assert [payout.amount.minor for payout in made.payouts] == [667, 333]
    settled = paid_back(database, made, PayoutStep.SUCCEED, "refund 1")
    assert settled == paid_back(database, settled, PayoutStep.SUCCEED, "refund 1")
    assert (settled.state, settled.payouts[0].reference) == (RefundState.SUCCEEDED, "refund 1")


def paid_back(database: Database[OrdersUnit], refund: Refund, step: PayoutStep, reference: str = "") -> Refund:
    """What became of its money on the way back to the first payment; the refund as it is stored then."""
    settled = refund.settle(1, step, reference)
    if settled is not refund:
        database.write(lambda unit: unit.refunds.save([(refund, settled)], NOW))
    return database.read(refunds.get_refund, refund.order, refund.id)


def test_only_what_a_provider_cannot_give_back_is_paid_by_hand(database: Database[OrdersUnit], bought: Order) -> None:
    made = database.write(refunds.refund_order, refunding(bought, ClaimLine(1, 1)))
    by_hand = SettleRefund(bought.id, made.id, 1, "transfer", None)
    with pytest.raises(Fault) as under_way:
        database.write(refunds.settle_refund, by_hand)
    assert under_way.value.reason == "REFUND_PAYMENT_STATE_INVALID"
    paid_back(database, made, PayoutStep.FAIL)
    settled = database.write(refunds.settle_refund, by_hand)
    assert settled.state is RefundState.SUCCEEDED
    assert database.write(refunds.settle_refund, by_hand) == settled


def test_a_refund_above_the_limit_waits_for_somebody_else(database: Database[OrdersUnit], bought: Order) -> None:
    command = refunding(bought, ClaimLine(1, 2), request_id="r")
    asked = database.write(refunds.refund_order, command)
    assert (asked.state, asked.payouts, asked.amount.minor) == (RefundState.REQUESTED, (), 1800)
    assert database.write(refunds.refund_order, command) == asked
    assert stored(database, bought) == bought
    waiting = RefundQuery(state=RefundState.REQUESTED)
    assert database.read(refunds.list_refunds, waiting, Page(10)) == [asked]
    assert refusal(lambda: database.write(refunds.approve_refund, deciding(asked, "users/ann"))) == "REFUND_OWN"
    given = database.write(refunds.approve_refund, deciding(asked))
    assert (given.state, given.decided_by, given.note, given.effect_time) == (
        RefundState.PENDING,
        "users/bob",
        "seen",
        NOW,
    )
    assert stored(database, bought).refunded == 1800
    assert told(database, "OrderRefunded") == 1
    assert refusal(lambda: database.write(refunds.reject_refund, deciding(asked))) == "REFUND_STATE_INVALID"
    assert database.write(refunds.refund_order, refunding(bought, freight=1)).state is RefundState.REQUESTED


def test_returns_that_wait_for_their_goods_count_towards_the_limit(
    database: Database[OrdersUnit], bought: Order
) -> None:
    returning = refunding(bought, ClaimLine(1, 1), kind=RefundKind.RETURN)
    first = database.write(refunds.refund_order, returning)
    assert first.state is RefundState.AWAITING_GOODS
    beyond = replace(returning, refund_id=new_id())
    assert database.read(refunds.preview_refund, beyond).state is RefundState.REQUESTED
    assert database.write(refunds.refund_order, beyond).state is RefundState.REQUESTED
    assert database.read(refunds.preview_refund, refunding(bought, freight=100)).state is RefundState.PENDING
    assert database.read(refunds.preview_refund, refunding(bought, freight=101)).state is RefundState.REQUESTED
    database.write(refunds.reject_refund, deciding(first))
    within = replace(returning, refund_id=new_id())
    assert database.write(refunds.refund_order, within).state is RefundState.AWAITING_GOODS


def test_points_count_towards_the_limit_at_their_worth(database: Database[OrdersUnit], product: UUID) -> None:
    points = PointsTender("members/1/holds/1", 5000, Money(500, "CNY"))
    placement = replace(a_placement(an_item(product=product, quantity=3, unit_price=600)), tender=points)
    (order,) = database.write(place_orders, [placement])
    assert isinstance(order, Order)
    database.write(pay_orders, [PayOrder(order.id, Tender.MANUAL, order.money(order.due), "", None)])
    first = database.write(refunds.refund_order, refunding(order, ClaimLine(1, 1)))
    assert (first.state, first.amount.minor + first.points_value.minor) == (RefundState.SUCCEEDED, 600)
    assert first.points_value.minor > 0
    for minor, state in ((400, RefundState.SUCCEEDED), (401, RefundState.REQUESTED)):
        preview = database.read(refunds.preview_refund, refunding(order, ClaimLine(1, 0, minor)))
        assert preview.state is state


def test_a_refund_that_is_rejected_gives_nothing_back(database: Database[OrdersUnit], bought: Order) -> None:
    asked = database.write(refunds.refund_order, refunding(bought))
    rejected = database.write(refunds.reject_refund, deciding(asked))
    assert (rejected.state, rejected.decided_by, rejected.effect_time) == (RefundState.REJECTED, "users/bob", None)
    assert stored(database, bought) == bought
    assert database.read(refunds.get_refund, bought.id, asked.id) == rejected


def test_goods_that_come_back_are_paid_back_and_for_sale_again(
    database: Database[OrdersUnit], bought: Order, product: UUID
) -> None:
    command = refunding(bought, ClaimLine(1, 2), kind=RefundKind.RETURN)
    asked = database.write(refunds.refund_order, command)
    awaited = database.write(refunds.approve_refund, deciding(asked))
    assert (awaited.state, stored(database, bought).refunded) == (RefundState.AWAITING_GOODS, 0)
    too_many = ReceiveReturn(bought.id, asked.id, ((1, 3),), "", None)
    assert refusal(lambda: database.write(refunds.receive_return, too_many)) == "REQUEST_INVALID"
    given = database.write(refunds.receive_return, replace(too_many, damaged=((1, 1),)))
    assert (given.state, given.amount.minor) == (RefundState.PENDING, 1800)
    assert on_hand(database, product) == (8, 0)
    assert stored(database, bought).lines[0].refunded_quantity == 2


def test_what_never_left_is_for_sale_again_where_that_is_asked_for(
    database: Database[OrdersUnit], bought: Order, product: UUID
) -> None:
    parcel = (Parcel("SF", "1"),)
    database.write(
        fulfilment.create_shipment, fulfilment.CreateShipment(new_id(), bought.id, ((1, 1),), parcel, "", "u")
    )
    kept = database.write(refunds.refund_order, refunding(bought, ClaimLine(1, 0, 100)))
    assert (kept.restock, on_hand(database, product)) == (False, (7, 0))
    command = refunding(bought, ClaimLine(1, 1), restock=True, request_id="r", limits={})
    made = database.write(refunds.refund_order, command)
    assert made == database.read(refunds.get_refund, bought.id, made.id)
    assert (made.restock, on_hand(database, product)) == (True, (8, 0))
    assert database.write(refunds.refund_order, command) == made
    other = replace(command, restock=False)
    assert refusal(lambda: database.write(refunds.refund_order, other)) == "REQUEST_ID_REUSED"
    database.write(refunds.refund_order, refunding(bought, ClaimLine(1, 2), restock=True, limits={}))
    assert on_hand(database, product) == (9, 0)  # one of them is packed


def test_what_never_left_is_for_sale_again_once_the_refund_is_approved(
    database: Database[OrdersUnit], bought: Order, product: UUID
) -> None:
    asked = database.write(refunds.refund_order, refunding(bought, ClaimLine(1, 2), restock=True))
    assert (asked.state, on_hand(database, product)) == (RefundState.REQUESTED, (7, 0))
    assert database.write(refunds.approve_refund, deciding(asked)).restock
    assert on_hand(database, product) == (9, 0)


def test_nothing_of_a_completed_order_or_of_a_return_is_taken_for_unshipped(
    database: Database[OrdersUnit], bought: Order, product: UUID
) -> None:
    back = refunding(bought, ClaimLine(1, 1), restock=True, kind=RefundKind.RETURN)
    assert refusal(lambda: database.write(refunds.refund_order, back)) == "REQUEST_INVALID"
    database.write(complete_order, CompleteOrder(bought.id, None))
    database.write(refunds.refund_order, refunding(bought, ClaimLine(1, 1), restock=True))
    assert on_hand(database, product) == (7, 0)


def test_an_exchange_names_the_order_that_replaces_it(
    database: Database[OrdersUnit], bought: Order, product: UUID
) -> None:
    placement = replace(a_placement(an_item(product=product, unit_price=900)), buyer=bought.buyer)
    other, strangers = database.write(place_orders, [placement, a_placement(an_item(product=product))])
    assert isinstance(other, Order)
    assert isinstance(strangers, Order)
    command = refunding(bought, ClaimLine(1, 1), kind=RefundKind.EXCHANGE, replacement=other.id)
    made = database.write(refunds.refund_order, command)
    assert (made.state, made.replacement) == (RefundState.AWAITING_GOODS, other.id)
    for wrong in (strangers.id, bought.id):
        again = replace(command, refund_id=new_id(), replacement=wrong)
        assert refusal(lambda: database.write(refunds.refund_order, again)) == "REQUEST_INVALID"  # noqa: B023
    by_amount = refunding(bought, ClaimLine(1, 0, 100), kind=RefundKind.RETURN)
    assert refusal(lambda: database.write(refunds.refund_order, by_amount)) == "REQUEST_INVALID"


def test_all_that_is_left_goes_back_at_once(database: Database[OrdersUnit], bought: Order, product: UUID) -> None:
    database.write(refunds.refund_order, refunding(bought, ClaimLine(1, 0, 50)))

    def give_back(unit: OrdersUnit) -> list[Refund]:
        return refunds.refund_rest(unit, list(unit.orders.lock([bought.id]).values()), reason="late", restock=True)

    (refund,) = database.write(give_back)
    assert refund.amount.minor == 2950
    closed = stored(database, bought)
    assert (closed.state, closed.net_total, [each.left for each in closed.payments]) == (
        OrderState.REFUNDED,
        0,
        [0, 0],
    )
    assert on_hand(database, product) == (10, 0)


def test_refunds_at_once_never_give_back_more_than_was_paid(database: Database[OrdersUnit], bought: Order) -> None:
    refusals: set[str] = set()

    def attempt(number: int) -> int:
        line = ClaimLine(1, 1) if number % 2 else ClaimLine(1, 0, 700)
        try:
            return database.write(refunds.refund_order, refunding(bought, line, limits={})).amount.minor
        except Fault as fault:
            refusals.add(fault.reason)
            return 0

    with ThreadPoolExecutor(8) as threads:
        given = sum(threads.map(attempt, range(12)))
    assert refusals <= {"REFUND_EXCEEDS_AMOUNT", "REFUND_EXCEEDS_LINE"}
    after = stored(database, bought)
    assert after.refunded == given == sum(payment.refunded for payment in after.payments) <= 2700
    assert after.lines[0].net == 2700 - given


def test_all_that_is_left_goes_back_once_whoever_asks_for_it_at_once(
    database: Database[OrdersUnit], bought: Order
) -> None:
    refusals: list[str] = []

    def attempt(number: int) -> int:
        try:
            return database.write(refunds.refund_order, refunding(bought, by=f"users/{number}", limits={})).amount.minor
        except Fault as fault:
            refusals.append(fault.reason)
            return 0

    with ThreadPoolExecutor(8) as threads:
        given = sorted(threads.map(attempt, range(8)))
    assert (given, refusals) == ([*[0] * 7, 3000], ["ORDER_STATE_INVALID"] * 7)
    assert [(payment.amount.minor, payment.refunded) for payment in stored(database, bought).payments] == [
        (2000, 2000),
        (1000, 1000),
    ]


def test_of_all_that_is_left_asked_for_by_two_who_wait_one_is_given_back(
    database: Database[OrdersUnit], bought: Order
) -> None:
    first, second = (
        database.write(refunds.refund_order, refunding(bought, by=f"users/{name}")) for name in ("ann", "eve")
    )
    assert (first.state, second.state) == (RefundState.REQUESTED, RefundState.REQUESTED)
    assert database.write(refunds.approve_refund, deciding(first)).amount.minor == 3000
    assert refusal(lambda: database.write(refunds.approve_refund, deciding(second))) == "ORDER_STATE_INVALID"
    assert stored(database, bought).refunded == 3000


@pytest.mark.parametrize("table", ["payments", "orders"])
def test_the_database_takes_no_more_back_than_came_in(
    database: Database[OrdersUnit], bought: Order, table: str
) -> None:
    database.write(refunds.refund_order, refunding(bought, limits={}))
    more = text(f"update {table} set refunded = refunded + 1")
    with pytest.raises(Fault) as caught:
        database.write(lambda unit: unit.connection.execute(more))
    assert f"{table}_refunded" in str(caught.value.__cause__)


def test_an_order_that_changed_while_one_waited_for_it_is_read_as_it_is_now(
    database: Database[OrdersUnit], order: Order
) -> None:
    holds = Event()
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

    def pay(unit: OrdersUnit) -> None:
        receive_payments(unit, [a_part(order, 1000)])
        holds.set()
        until(lambda: database.read(lambda other: other.connection.scalar(text(waiting))))

    def look(unit: OrdersUnit) -> Order:
        return unit.orders.lock([order.id])[order.id]

    with ThreadPoolExecutor(2) as threads:
        paying = threads.submit(database.write, pay)
        assert holds.wait(5)
        seen = threads.submit(database.write, look).result(10)
        paying.result(10)
    assert [payment.amount.minor for payment in seen.payments] == [1000]
    assert seen.version == 2
