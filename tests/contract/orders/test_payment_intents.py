"""A provider's money against cancelling, expiring and paying by hand: threads on a real database, decided once."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from kit.page import Page
from services.orders.domain.order import Order
from services.orders.domain.order_state import CancelReason, OrderState
from services.orders.domain.payment import Tender
from services.orders.domain.payment_intent import IntentCause, IntentState, PaymentIntent
from services.orders.domain.provider import RefundStanding, Scene, Standing, Status
from services.orders.domain.provider_refund import ProviderRefundState
from services.orders.domain.refund import PayoutState
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases import payment_intent as intents
from services.orders.usecases import provider_refund, reconciliation
from services.orders.usecases import refund as refunds
from services.orders.usecases.order import existing, give_up, place_orders
from services.orders.usecases.payment import PayOrder, pay_orders
from services.orders.usecases.payment_intent import CreateIntent, PaymentSaid
from services.orders.usecases.provider_refund import RefundSaid
from services.orders.usecases.reconciliation import standstill
from services.orders.usecases.refund import RefundOrder
from tests.contract.orders.shelves import check_movements, on_sale
from tests.contract.orders.test_payment_races import run
from tests.support.builders.orders import MINUTES, NOW, a_placement, an_item

PROVIDER = "WECHAT_PAY"
MERCHANT = "1900000001"


def placed(database: Database[OrdersUnit], *, orders: int, in_stock: int, currency: str = "CNY") -> list[Order]:
    (product,) = on_sale(database, stock=in_stock)
    placements = [a_placement(an_item(product=product.id), currency=currency) for _ in range(orders)]
    return [order for order in database.write(place_orders, placements) if isinstance(order, Order)]


def wanted(database: Database[OrdersUnit], order: Order, part: int | None = None) -> PaymentIntent:
    amount = order.money(part) if part is not None else None
    return database.write(
        intents.create_intent, CreateIntent(new_id(), order.id, PROVIDER, Scene.NATIVE, amount, MERCHANT)
    )


def taken(intent: PaymentIntent, transaction: str = "") -> PaymentSaid:
    number = transaction or f"42{intent.reference}"
    return PaymentSaid(
        PROVIDER, Standing(intent.reference, Status.SUCCEEDED, number, intent.amount, MERCHANT), MERCHANT
    )


def again(database: Database[OrdersUnit], order: Order) -> Order:
    return database.read(lambda unit: unit.orders.get([order.id]))[order.id]


@pytest.mark.parametrize("seed", range(2))
def test_money_pays_an_order_or_goes_back_whole_whatever_happens_meanwhile(
    database: Database[OrdersUnit], seed: int
) -> None:
    orders = placed(database, orders=16, in_stock=16)
    made = [wanted(database, order) for order in orders]

    def cancelled(unit: OrdersUnit, order: Order) -> None:
        locked = existing(unit.orders.lock([order.id]), order.id)
        give_up(unit, [locked], CancelReason.EXPIRED)

    def told(said: PaymentSaid) -> Callable[[], object]:
        return lambda: database.write(intents.settle_payment, said)

    def closed(order: Order) -> Callable[[], object]:
        return lambda: database.write(cancelled, order)

    def by_hand(order: Order) -> Callable[[], object]:
        command = PayOrder(order.id, Tender.MANUAL, order.money(order.due), "cash", None)
        return lambda: database.write(pay_orders, [command])

    acts: list[Callable[[], object]] = []
    for order, intent in zip(orders, made, strict=True):
        acts += [told(taken(intent))] * 3 + [closed(order), by_hand(order)]
    random.Random(seed).shuffle(acts)
    run(acts)

    for order, intent in zip(orders, made, strict=True):
        later = again(database, order)
        settled = database.read(intents.get_intent, order.id, intent.id)
        back = database.read(provider_refund.list_refunds, order.id, None, Page(5))
        paid_so = [payment.reference for payment in later.payments]
        if settled.state is IntentState.SUCCEEDED:
            assert (later.state, paid_so, back) == (OrderState.PAID, [settled.transaction], [])
        else:
            assert settled.state is IntentState.RETURNED
            assert settled.transaction not in paid_so
            assert [refund.amount for refund in back] == [intent.amount]
    check_movements(database)


def test_ten_words_of_a_provider_at_once_have_one_effect(database: Database[OrdersUnit]) -> None:
    (order,) = placed(database, orders=1, in_stock=1)
    said = taken(wanted(database, order))
    run([lambda: database.write(intents.settle_payment, said)] * 10)
    assert [each.amount for each in again(database, order).payments] == [order.money(order.due)]
    check_movements(database)


def test_a_transaction_pays_once_for_ever(database: Database[OrdersUnit]) -> None:
    first, second = placed(database, orders=2, in_stock=2)
    database.write(intents.settle_payment, taken(wanted(database, first), "4200"))
    stranger = wanted(database, second)
    parked = database.write(intents.settle_payment, taken(stranger, "4200"))
    assert parked is not None
    assert (parked.state, parked.cause, parked.detail) == (IntentState.PARKED, IntentCause.TRANSACTION_REUSED, "4200")
    assert again(database, second).state is OrderState.PENDING_PAYMENT


@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD"])
def test_what_can_be_paid_never_sums_to_more_than_is_outstanding(database: Database[OrdersUnit], currency: str) -> None:
    (order,) = placed(database, orders=1, in_stock=1, currency=currency)
    made: list[PaymentIntent] = []
    parts = [1, 300, None, order.due, 500, 200, 900]

    def want(part: int | None) -> Callable[[], object]:
        return lambda: made.append(wanted(database, order, part))

    run([want(part) for part in parts])
    assert made
    assert sum(intent.amount.minor for intent in made) <= order.due
    assert {intent.amount.currency for intent in made} == {currency}
    for intent in made:
        database.write(intents.settle_payment, taken(intent))
    rest = again(database, order)
    assert rest.received == sum(intent.amount.minor for intent in made)


def test_late_money_for_a_part_or_for_what_is_sold_goes_back_and_reserves_nothing(
    database: Database[OrdersUnit],
) -> None:
    order, other = placed(database, orders=2, in_stock=2)
    part = wanted(database, order, 100)
    database.write(lambda unit: give_up(unit, [unit.orders.lock([order.id])[order.id]], CancelReason.CUSTOMER))
    settled = database.write(intents.settle_payment, taken(part))
    assert settled is not None
    assert (settled.state, settled.cause) == (IntentState.RETURNED, IntentCause.ORDER_CLOSED)
    assert again(database, order).state is OrderState.CANCELLED
    assert other.demand()
    check_movements(database)


def test_an_order_that_is_over_time_is_not_asked_for_money(database: Database[OrdersUnit], url: str) -> None:
    (order,) = placed(database, orders=1, in_stock=1)
    over = NOW + MINUTES + timedelta(seconds=1)
    late = Database(url, database._unit, clock=lambda: over)
    with pytest.raises(Fault) as caught:
        wanted(late, order)
    assert caught.value.reason == "ORDER_EXPIRED"
    with pytest.raises(Fault) as caught:
        database.write(
            intents.create_intent,
            CreateIntent(new_id(), order.id, PROVIDER, Scene.NATIVE, Money(1, "USD"), MERCHANT),
        )
    assert caught.value.reason == "AMOUNT_NOT_DUE"
    late.close()


def test_a_refund_of_another_amount_waits_for_a_person(database: Database[OrdersUnit]) -> None:
    (order,) = placed(database, orders=1, in_stock=1)
    database.write(intents.settle_payment, taken(wanted(database, order)))
    made = database.write(refunds.refund_order, RefundOrder(new_id(), order.id, None, "", "", None))
    assert database.write(provider_refund.adopt_refunds, 10) == 1
    (back,) = database.read(provider_refund.list_refunds, order.id, None, Page(5))
    less = RefundStanding(back.reference, Status.SUCCEEDED, "50", Money(back.amount.minor - 1, "CNY"), NOW)
    told = database.write(provider_refund.settle_refund, RefundSaid(PROVIDER, less))
    assert told == database.read(provider_refund.list_refunds, order.id, ProviderRefundState.FAILED, Page(5))[0]
    assert told.detail == "AMOUNT_DIFFERS"
    (payout,) = database.read(refunds.get_refund, order.id, made.id).payouts
    assert (payout.state, database.read(standstill).failed_refunds) == (PayoutState.FAILED, 1)


def test_bills_that_were_not_compared_are_asked_for_again_and_counted(database: Database[OrdersUnit]) -> None:
    (order,) = placed(database, orders=1, in_stock=1)
    wanted(database, order)
    since = {"time": NOW - timedelta(days=40)}
    database.write(lambda unit: unit.connection.execute(text("update payment_intents set create_time = :time"), since))
    claims = []
    while (claim := database.write(reconciliation.claim_bill, PROVIDER)) is not None:
        claims.append(claim)
    assert [(NOW.date() - day).days for _, day in claims] == list(range(1, 41))
    assert database.read(standstill).bills == 39  # that of yesterday may still come
    for report, day in claims[:10]:
        database.write(reconciliation.close_books, report, PROVIDER, day, [])
    assert database.read(standstill).bills == 30
