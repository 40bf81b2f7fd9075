"""Money that comes for a closed order with coupons, points, stored value and gift cards: whatever breaks, at whichever
step, the order lives again as it was, or everything is given back and the money goes back whole; within a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.names import new_id
from kit.page import Page
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Tender
from services.orders.domain.payment_intent import IntentCause, IntentState, PaymentIntent
from services.orders.domain.provider import Scene, Standing, Status
from services.orders.domain.refund import RefundKind, RefundQuery, RefundState
from services.orders.usecases import payment_intent as intents
from services.orders.usecases import refund as refunds
from services.orders.usecases.payment_intent import PaymentSaid, ResolveIntent
from services.orders.usecases.refund import RefundOrder
from tests.contract.orders.late import MERCHANT, MONEY, PROVIDER, LateWorld, gone, open_world, refusal
from tests.contract.orders.machines import lasting
from tests.contract.orders.test_checkout_machine import DEATHS, Lasting
from tests.support.builders.checkouts import Break
from tests.support.postgres import Databases

CALLS = 13
"""What bringing it back calls: take up, a note and an ask of each of five steps, a note, the deciding transaction."""

GONE = ["coupon", "POINTS", "STORED_VALUE", "GIFT_CARD", "stock"]


@pytest.fixture(scope="module")
def database(postgres: Databases) -> Iterator[Lasting]:
    """One database for all worlds."""
    with lasting(postgres, Lasting) as world:
        yield world


def settle(world: LateWorld) -> None:
    """What follows from a break: within a minute the money is decided on, and soon all is free that must be."""
    world.breaks.clear()
    world.replicas(60 - 5)
    assert world.decided
    world.replicas(40)
    world.hear_of_the_end()


@pytest.mark.parametrize("how", Break)
def test_whatever_breaks_at_whichever_call_the_order_lives_again_as_it_was(database: Lasting, how: Break) -> None:
    for at in range(CALLS):
        world = open_world(database)
        if at % 3 == 0:
            world.hear_of_the_end()
        assert world.pay().state is IntentState.REVIVING
        world.breaks = [None] * at + [how]
        world.replicas(5)
        if at % 3 == 1:
            world.hear_of_the_end()  # with the new holds there already: it frees none of them
        settle(world)
        world.check_alive()


@pytest.mark.parametrize("what", GONE)
def test_whatever_is_gone_and_whatever_breaks_the_money_goes_back_whole(database: Lasting, what: str) -> None:
    for at in range(CALLS + 6):
        world = open_world(database)
        gone(world, what)
        left = dict(world.funds)
        world.pay()
        world.breaks = [None] * at + [DEATHS[at % 3]]
        world.replicas(5)
        settle(world)
        world.check_closed()
        assert what == "stock" or world.funds == left


def test_while_a_service_is_away_for_too_long_the_money_goes_back_within_a_minute(database: Lasting) -> None:
    world = open_world(database)
    world.pay()
    for _ in range(11):
        world.breaks = [None, None, Break.LOST_BEFORE]
        world.replicas(5)
    assert world.read_intent().state is IntentState.RETURNED
    settle(world)
    world.check_closed()


def test_two_replicas_bring_it_back_once(database: Lasting) -> None:
    world = open_world(database)
    world.pay()

    async def both() -> None:
        (attempt,) = [each for each in world.attempts().values() if each.intent]
        await asyncio.gather(world.revive(attempt), world.revive(attempt))

    asyncio.run(both())
    world.hear_of_the_end()
    world.check_alive()


def test_the_notice_once_more_changes_nothing(database: Lasting) -> None:
    world = open_world(database)
    first = world.pay()
    assert world.pay() == first
    settle(world)
    world.pay()
    world.check_alive()


def test_a_second_payment_goes_back_while_the_first_brings_the_order_back(database: Lasting) -> None:
    world = open_world(database)
    second = another(world)
    world.pay()
    returned = world.pay(second)
    assert (returned.state, returned.cause) == (IntentState.RETURNED, IntentCause.ORDER_CLOSED)
    settle(world)
    assert (world.read_intent().state, world.returned()) == (IntentState.SUCCEEDED, [MONEY])
    assert world.wrong() == []


def another(world: LateWorld) -> PaymentIntent:
    """Another intent of the same amount, that was closed before the order was."""

    def store(unit: object) -> PaymentIntent:
        intent = PaymentIntent.create(
            new_id(),
            order=world.order.id,
            provider=PROVIDER,
            scene=Scene.NATIVE,
            amount=world.intent.amount,
            merchant=MERCHANT,
            now=world.now,
            expire_time=world.intent.expire_time,
        ).close(IntentCause.CANCELLED, world.now)
        unit.payment_intents.add(intent)  # type: ignore[attr-defined]
        return intent

    return world.write(store)


def test_money_that_is_not_all_of_it_goes_back_at_once(database: Lasting) -> None:
    world = open_world(database)
    world.intent = world.write(lambda unit: unit.payment_intents.lock(world.intent.id))
    world.write(lambda unit: unit.payment_intents.save(world.intent.close(IntentCause.CANCELLED, world.now)))
    part = another(world)
    said = Standing(part.reference, Status.SUCCEEDED, f"p{part.id}", world.order.money(100), MERCHANT)
    taken = world.write(intents.settle_payment, PaymentSaid(PROVIDER, said, ""))
    assert taken is not None
    assert taken.state is IntentState.PARKED  # not what was asked for: a person decides, and can't accept it
    assert refusal(lambda: world.write(intents.resolve_intent, ResolveIntent(part.order, part.id, True, None))) == (
        "ORDER_NOT_REOPENED"
    )


def test_a_person_accepts_parked_money_for_a_closed_order(database: Lasting) -> None:
    world = open_world(database)
    said = Standing(
        world.intent.reference, Status.SUCCEEDED, f"p{world.intent.id}", world.intent.amount, "somebody else"
    )
    parked = world.write(intents.settle_payment, PaymentSaid(PROVIDER, said, "somebody else"))
    assert parked is not None
    assert parked.state is IntentState.PARKED
    accepted = world.write(intents.resolve_intent, ResolveIntent(parked.order, parked.id, True, None))
    assert accepted.state is IntentState.REVIVING
    settle(world)
    world.check_alive()


def test_what_the_cancellation_gave_back_is_withdrawn_and_refunds_go_on_from_there(database: Lasting) -> None:
    world = open_world(database)
    world.pay()
    settle(world)
    query = RefundQuery(order=world.order.id)
    (cancellation,) = world.lasting.database.read(lambda unit: unit.refunds.page(query, Page(10, None)))
    assert (cancellation.kind, cancellation.state) == (RefundKind.CANCELLATION, RefundState.WITHDRAWN)
    world.write(refunds.refund_order, RefundOrder(new_id(), world.order.id, None, "", "", None))
    order = world.read_order(world.order.id)
    assert order.state is OrderState.REFUNDED
    assert {each.tender: each.left for each in order.payments} == dict.fromkeys(
        (Tender.POINTS, Tender.STORED_VALUE, Tender.GIFT_CARD, Tender.WECHAT_PAY), 0
    )
    assert world.wrong() == []


BREAKS = st.lists(st.none() | st.sampled_from(Break), max_size=25)


@given(
    what=st.sampled_from(["", "", *GONE]),
    rounds=st.lists(BREAKS, max_size=5),
    heard=st.integers(min_value=0, max_value=5),
)
@settings(max_examples=40, deadline=None)
def test_any_story_ends_alive_as_it_was_or_closed_with_everything_back(
    database: Lasting, what: str, rounds: list[list[Break | None]], heard: int
) -> None:
    world = open_world(database)
    gone(world, what)
    world.pay()
    for turn, breaks in enumerate(rounds):
        if turn == heard:
            world.hear_of_the_end()
        world.breaks = list(breaks)
        world.replicas(5)
    settle(world)
    if world.read_intent().state is IntentState.SUCCEEDED:
        world.check_alive()
    else:
        world.check_closed()
