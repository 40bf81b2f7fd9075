"""What stored value and gift cards paid of orders follows the news of orders, whatever order and however often they
come."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from kehu.orders.v1.events_pb2 import EventPayment, OrderCancelled, OrderPaid, OrderRefunded

from kit.errors import Fault
from kit.rpc.convert import wire_money
from kit.worker import Received
from services.members import consumer
from services.members.domain.gift_card import digest
from services.members.domain.stored_payment import State
from services.members.usecases import gift_card, stored_payment, top_up
from tests.contract.members.conftest import World
from tests.contract.members.purses import check_stored_value, free_and_held
from tests.support.builders.stored_value import activate, issue, pay, pay_in, yuan

CODE = "AAAA-BBBB-CCCC-DDDD-EEEE"
ORDER = "orders/01a20184-8175-7ecb-b381-07e2e288a202"


def one(world: World, usecase: Any, command: Any) -> Any:
    """The outcome of a single command of a set."""
    return world.do(usecase, [command])[0]


@pytest.fixture
def member(world: World) -> UUID:
    """Somebody who paid in 100.00."""
    (of,) = world.enrolled()
    one(world, top_up.top_up, pay_in(of, 10_000))
    return of


def news(
    kind: type, version: int, payment: UUID, amount: int, refunded: int = 0, tender: str = "stored_value"
) -> Received:
    """An event of an order that the payment is a part of, by a guest."""
    paid = EventPayment(
        tender=tender,
        reference=f"storedValuePayments/{payment}",
        amount=wire_money(yuan(amount)),
        refunded=wire_money(yuan(refunded)),
    )
    message = kind(order=ORDER, payments=[paid])
    return Received(uuid.uuid4(), kind.__name__, ORDER, version, datetime.now(UTC), message)


def hear(world: World, event: Received) -> None:
    """As the consumer of its queue."""
    world.do(consumer.release if isinstance(event.message, OrderCancelled) else consumer.settle, [event])


def test_news_of_a_paid_order_end_at_the_same_money_in_any_order_and_repeated(world: World, member: UUID) -> None:
    told = [(OrderPaid, 2, 0), (OrderRefunded, 3, 300), (OrderRefunded, 4, 1_000)]
    for turn in permutations(told):
        held = one(world, stored_payment.pay, pay(member, 2_000, ttl=60))
        for kind, version, refunded in (*turn, turn[0]):
            hear(world, news(kind, version, held.id, 2_000, refunded))
        settled = world.do(stored_payment.get, held.id)
        assert (settled.state, settled.refunded.total) == (State.PAID, 1_000)
    assert free_and_held(world, member) == ((10_000 - 6 * 1_000, 0), (0, 0))
    check_stored_value(world)


def test_a_cancelled_order_gives_back_what_was_held_and_news_of_before_change_nothing(
    world: World, member: UUID
) -> None:
    held = one(world, stored_payment.pay, pay(member, 2_000, ttl=60))
    for _ in range(2):
        hear(world, news(OrderCancelled, 2, held.id, 2_000, 2_000))
    assert free_and_held(world, member) == ((10_000, 0), (0, 0))
    paid = one(world, stored_payment.pay, pay(member, 500, ttl=60))
    hear(world, news(OrderPaid, 3, paid.id, 500))
    hear(world, news(OrderCancelled, 2, paid.id, 500, 500))
    assert world.do(stored_payment.get, paid.id).state is State.PAID


def test_an_order_that_is_paid_after_the_hold_ended_takes_the_money_anew_or_says_that_it_is_gone(
    world: World, member: UUID
) -> None:
    first, second = (one(world, stored_payment.pay, pay(member, 4_000, ttl=60)) for _ in range(2))
    world.clock.move(timedelta(seconds=61))
    assert world.do(stored_payment.expire) == 2
    hear(world, news(OrderPaid, 2, first.id, 4_000))
    assert free_and_held(world, member) == ((6_000, 0), (0, 0))
    one(world, stored_payment.pay, pay(member, 5_000))
    with pytest.raises(Fault, match=r"40\.00 CNY is asked for, 10\.00 CNY is available"):
        hear(world, news(OrderPaid, 2, second.id, 4_000))
    check_stored_value(world)


@pytest.mark.parametrize("back", [0, 600])
def test_a_deposit_that_a_cancelled_order_keeps_is_spent_once_but_for_what_goes_back(
    world: World, member: UUID, back: int
) -> None:
    held = one(world, stored_payment.pay, pay(member, 2_000, ttl=60))
    for _ in range(2):
        hear(world, news(OrderCancelled, 3, held.id, 2_000, back))
    settled = world.do(stored_payment.get, held.id)
    assert (settled.state, settled.refunded.total) == (State.PAID, back)
    assert free_and_held(world, member) == ((8_000 + back, 0), (0, 0))
    check_stored_value(world)


def test_a_gift_card_of_a_guest_pays_and_gets_back(world: World) -> None:
    (shown,) = world.do(gift_card.issue, issue([CODE]))
    world.do(gift_card.activate, activate(shown.card.id))
    held = one(world, gift_card.pay, pay(uuid.uuid4(), 3_000, ttl=60, of_card=True, code=digest(CODE).hash))
    hear(world, news(OrderPaid, 2, held.id, 3_000, tender="gift_card"))
    for _ in range(2):
        hear(world, news(OrderRefunded, 3, held.id, 3_000, 1_200, tender="gift_card"))
    _, purse = world.do(gift_card.get, shown.card.id)
    assert (purse.free.total, purse.held.total) == (10_000 - 3_000 + 1_200, 0)
    check_stored_value(world)


def test_a_payment_is_found_by_the_callers_number(world: World, member: UUID) -> None:
    held = one(world, stored_payment.pay, pay(member, 100, ttl=60, reference="orders/1/3"))
    assert world.do(stored_payment.lookup, "orders/1/3") == held
    with pytest.raises(Fault, match="no payment has the reference orders/1/4"):
        world.do(stored_payment.lookup, "orders/1/4")
