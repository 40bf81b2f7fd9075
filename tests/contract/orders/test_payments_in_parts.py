"""Orders that are paid in parts, on a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.page import Page
from services.orders import publish
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Tender
from services.orders.domain.refund import (
    RefundKind,
    RefundQuery,
    RefundState,
)
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import refund as refunds
from services.orders.usecases.expiry import expire_orders
from services.orders.usecases.order import CancelOrder, cancel_order, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders, receive_payments
from tests.contract.orders.purchases import a_part, on_hand, refusal, stored, told
from tests.support.builders.orders import a_placement, an_item


def test_an_order_is_paid_when_its_parts_are_there(database: Database[OrdersUnit], order: Order, product: UUID) -> None:
    first = a_part(order, 1000, Tender.ALIPAY)
    over = a_part(order, 2001)
    outcomes = database.write(receive_payments, [first, first, over])
    assert [getattr(each, "state", getattr(each, "reason", "")) for each in outcomes] == [
        OrderState.PENDING_PAYMENT,
        OrderState.PENDING_PAYMENT,
        "OVERPAID",
    ]
    assert stored(database, order).outstanding == 2000
    assert on_hand(database, product) == (10, 3)
    pay = PayOrder(order.id, Tender.MANUAL, Money(1500, "CNY"), "till", None)
    assert refusal(lambda: _raise(database.write(pay_orders, [pay])[0])) == "AMOUNT_MISMATCH"
    database.write(pay_orders, [replace(pay, partial=True)])
    (paid,) = database.write(pay_orders, [replace(pay, amount=Money(500, "CNY"))])
    assert isinstance(paid, Order)
    assert paid == stored(database, order)
    assert [payment.amount.minor for payment in paid.payments] == [1000, 1500, 500]
    assert on_hand(database, product) == (7, 0)
    assert told(database, "OrderPaid") == 1
    late = database.write(receive_payments, [a_part(order, 1), first])
    assert [getattr(each, "reason", "") for each in late] == ["ORDER_STATE_INVALID", ""]


def _raise(outcome: object) -> None:
    if isinstance(outcome, Fault):
        raise outcome


def test_the_same_payment_told_ten_times_at_once_pays_once_and_no_other_order(
    database: Database[OrdersUnit], order: Order, product: UUID
) -> None:
    part = a_part(order, 3000, Tender.WECHAT_PAY, "transaction")
    with ThreadPoolExecutor(10) as threads:
        outcomes = list(threads.map(lambda _: database.write(receive_payments, [part])[0], range(10)))
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert (on_hand(database, product), told(database, "OrderPaid")) == ((7, 0), 1)
    (other,) = database.write(place_orders, [a_placement(an_item(product=product))])
    assert isinstance(other, Order)
    again = a_part(other, 990, Tender.WECHAT_PAY, "transaction")
    assert refusal(lambda: database.write(receive_payments, [again])) == "PAYMENT_REUSED"
    assert stored(database, other).payments == ()


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_what_was_paid_of_an_order_that_is_given_up_goes_back(
    database: Database[OrdersUnit], order: Order, end: str, url: str
) -> None:
    database.write(receive_payments, [a_part(order, 1000, Tender.WECHAT_PAY), a_part(order, 500)])
    if end == "cancel":
        database.write(cancel_order, CancelOrder(order.id, CancelReason.CUSTOMER, None))
    else:
        assert order.expire_time is not None
        until = order.expire_time
        later = Database(url, lambda connection, _: OrdersUnit(connection, until, publish.to_event))
        assert later.write(expire_orders, 10) == 1
        later.close()
    (refund,) = database.read(refunds.list_refunds, RefundQuery(order.id), Page(10))
    assert (refund.kind, refund.state, refund.amount.minor) == (RefundKind.CANCELLATION, RefundState.PENDING, 1500)
    assert [(each.tender, each.amount.minor) for each in refund.payouts] == [
        (Tender.WECHAT_PAY, 1000),
        (Tender.MANUAL, 500),
    ]
    closed = stored(database, order)
    assert (closed.state, [payment.left for payment in closed.payments]) == (OrderState.CANCELLED, [0, 0])
