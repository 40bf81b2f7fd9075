"""Orders paid with what members holds, on a real database: what was decided under the order's lock, read back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from kit.db import Database
from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.checkout import Held, Step, StepKind
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.provider import Scene
from services.orders.domain.verification import Check, Kind
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.checkout import GiveUp, GoOn, Open, give_up, go_on, open_attempt
from services.orders.usecases.order import place_orders
from services.orders.usecases.payment_intent import CreateIntent, create_intent
from services.orders.usecases.tendering import TenderOrder, payable, tender_order
from tests.contract.orders.shelves import on_sale
from tests.support.builders.orders import MINUTES, a_placement, an_item


@pytest.fixture
def order(database: Database[OrdersUnit]) -> Order:
    """An order of three units, 10.00 in all."""
    (tea,) = on_sale(database, stock=5)
    (placed,) = database.write(
        place_orders, [a_placement(an_item(product=tea.id, unit_price=334, quantity=3, discount=2))]
    )
    assert isinstance(placed, Order)
    return placed


def held(database: Database[OrdersUnit], order: Order, *, points: int = 0, minor: int = 0) -> TenderOrder:
    """What an open attempt holds for the order."""
    attempt = new_id()
    steps = [Step(1, StepKind.POINTS, points=points)] if points else []
    steps += [Step(len(steps) + 1, StepKind.STORED_VALUE, amount=Money(minor, "CNY"))] if minor else []
    found = database.write(open_attempt, Open(str(attempt), attempt, new_id(), tuple(steps), MINUTES, pays=order.id))
    for step in steps:
        database.write(go_on, GoOn(attempt, asking=step.position))
        value = Money(points, "CNY") if step.kind is StepKind.POINTS else None
        answer = Held(f"holds/{attempt}/{step.position}", value)
        found = database.write(go_on, GoOn(attempt, answered=step.position, held=answer))
    return TenderOrder.of(found, None)


def test_points_and_money_are_stored_with_the_order(database: Database[OrdersUnit], order: Order) -> None:
    assert database.read(payable, order.id).pay_within == MINUTES
    waiting = database.write(tender_order, held(database, order, points=500, minor=100))
    stored = database.read(lambda unit: unit.orders.get([order.id]))[order.id]
    assert stored == waiting
    assert (waiting.state, waiting.outstanding, waiting.points) == (OrderState.PENDING_PAYMENT, 400, 500)
    assert sum(line.points_value for line in stored.lines) == 500
    paid = database.write(tender_order, held(database, order, minor=400))
    assert (paid.state, len(paid.payments)) == (OrderState.PAID, 3)
    assert differences(database) == []
    forge = text("update checkout_steps set hold = 'holds/another' where kind = 'POINTS'")
    database.write(lambda unit: unit.connection.execute(forge))
    assert [(check.kind, check.actual) for check in differences(database)] == [
        (Kind.CHECKOUT, "PLACED without an effect")
    ]


def differences(database: Database[OrdersUnit]) -> list[Check]:
    """What differs in the database."""

    def compare(unit: OrdersUnit) -> list[Check]:
        return [
            check
            for number in range(unit.verifications.comparisons())
            for check in unit.verifications.differences(number, unit.now)
        ]

    return database.read(compare)


def test_an_attempt_pays_once(database: Database[OrdersUnit], order: Order) -> None:
    command = held(database, order, minor=100)
    database.write(tender_order, command)
    with pytest.raises(Fault) as caught:
        database.write(tender_order, command)
    assert caught.value.reason == "CHECKOUT_ABANDONED"
    with pytest.raises(Fault) as caught:
        database.write(tender_order, replace(held(database, order, minor=100), version=1))
    assert caught.value.reason == "ETAG_MISMATCH"


def test_what_providers_are_asked_and_what_is_held_never_sum_to_more_than_is_left(
    database: Database[OrdersUnit], order: Order
) -> None:
    part = CreateIntent(new_id(), order.id, "WECHAT_PAY", Scene.NATIVE, Money(600, "CNY"), "a merchant")
    database.write(create_intent, part)

    with pytest.raises(Fault) as caught:
        database.write(tender_order, held(database, order, minor=401))
    assert caught.value.reason == "PAYMENT_UNDER_WAY"
    assert database.write(tender_order, held(database, order, minor=400)).outstanding == 600
    rest = CreateIntent(new_id(), order.id, "ALIPAY", Scene.PRECREATE, Money(1, "CNY"), "a merchant")
    with pytest.raises(Fault) as caught:
        database.write(create_intent, rest)
    assert caught.value.reason == "PAYMENT_UNDER_WAY"
    given_up = held(database, order, minor=1)
    database.write(give_up, GiveUp(given_up.attempt_id, "TIMED_OUT"))
    with pytest.raises(Fault) as caught:
        database.write(tender_order, given_up)
    assert caught.value.reason == "CHECKOUT_ABANDONED"


def test_an_order_that_waits_without_an_end_is_paid_whole_or_not_at_all(
    database: Database[OrdersUnit], order: Order
) -> None:
    forever = text("update orders set expire_time = null where id = :id")
    database.write(lambda unit: unit.connection.execute(forever, {"id": order.id}))
    with pytest.raises(Fault) as caught:
        database.write(tender_order, held(database, order, points=500, minor=499))
    assert caught.value.reason == "TENDERS_UNSUITABLE"
    assert database.write(tender_order, held(database, order, points=500, minor=500)).state is OrderState.PAID
