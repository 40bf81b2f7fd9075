"""Checkout: whatever breaks, at whichever step, in the end everything is committed or everything released."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.checkout import (
    OUTCOMES,
    TRANSITIONS,
    Attempt,
    CheckoutState,
    Held,
    Move,
    Release,
    Step,
    StepKind,
    StepState,
)
from services.orders.domain.order_content import Buyer
from services.orders.domain.quote import Wanted
from services.orders.usecases.basket import Basket
from services.orders.usecases.checkout import Open, open_attempt
from tests.support.builders.checkouts import COUPON, FUNDS, TEA, Break, Crash, World, a_basket
from tests.support.builders.orders import MINUTES, NOW
from tests.support.diagrams import diagrams

CALLS = 18
"""What a checkout of five steps calls: open, price, the rules of points, a note and an ask of each step, a note, store,
and some to undo."""


def buy(world: World, basket: Basket | None = None, key: str = "a request") -> object:
    try:
        return asyncio.run(world.buy(basket or a_basket(), key))
    except (Fault, Crash) as error:
        return error


@pytest.mark.parametrize("how", Break)
@pytest.mark.parametrize("at", range(CALLS))
def test_whatever_breaks_at_whichever_call_everything_is_committed_or_released_in_a_minute(at: int, how: Break) -> None:
    world = World(breaks=[None] * at + [how])
    buy(world)
    world.settle(60)
    world.check()


@pytest.mark.parametrize("how", Break)
@pytest.mark.parametrize("at", range(CALLS))
def test_a_retry_places_one_order_and_holds_once(at: int, how: Break) -> None:
    world = World(breaks=[None] * at + [how])
    buy(world)
    world.breaks.clear()
    second = buy(world)
    if isinstance(second, Fault):  # the coupon is still locked by an attempt whose process died
        world.settle(60)
        second = buy(world)
    world.settle(60)
    world.check()
    assert [f"orders/{order_id}" for order_id in world.orders] == [second.name]  # type: ignore[attr-defined]


BREAKS = st.lists(st.none() | st.sampled_from(Break), max_size=40)
SCRIPTS: st.SearchStrategy[list[Any]] = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), BREAKS, st.sampled_from(["a", "b"])),
        st.tuples(st.just("twins"), BREAKS, st.sampled_from(["a", "b"])),
        st.tuples(st.just("recover"), BREAKS, st.just("")),
        st.tuples(st.just("wait"), st.just([]), st.sampled_from(["1", "5", "16"])),
        st.tuples(st.just("sell out"), st.just([]), st.just("")),
    ),
    max_size=12,
)


def play(world: World, script: Sequence[tuple[str, list[Break], str]]) -> None:
    """Let a story happen, with a break at each call that it says."""
    for what, breaks, word in script:
        world.breaks = list(breaks)
        if what == "buy":
            buy(world, key=word)
        elif what == "twins":
            asyncio.run(world.twins(a_basket(), word, 3))
        elif what == "recover":
            asyncio.run(world.recover())
        elif what == "wait":
            world.pass_time(int(word))
        else:
            world.sell_out()


@given(script=SCRIPTS)
@settings(max_examples=150, deadline=None)
def test_any_story_ends_with_everything_committed_or_released(script: Sequence[tuple[str, list[Break], str]]) -> None:
    world = World()
    play(world, script)
    world.settle(60)
    world.check()
    assert len(world.orders) == len(world.answers) <= 1  # both requests want the same coupon


def test_fifty_clicks_at_once_are_one_order() -> None:
    world = World()
    answers = asyncio.run(world.twins(a_basket(), "a", 50))
    world.settle(60)
    world.check()
    assert {str(answer) for answer in answers} == {str(world.answers["a"])}


def test_a_refused_coupon_holds_nothing() -> None:
    world = World(locks={COUPON: new_id()})
    error = buy(world)
    assert isinstance(error, Fault)
    assert (error.reason, world.holds, world.funds[StepKind.POINTS]) == ("COUPON_REFUSED", {}, FUNDS)
    (attempt,) = world.rows.rows.values()
    assert (attempt.state, attempt.reason) == (CheckoutState.RELEASED, "COUPON_REFUSED")
    assert {step.state for step in attempt.steps} == {StepState.SKIPPED}


def test_points_that_are_refused_free_the_coupon_at_once() -> None:
    world = World()
    world.funds[StepKind.POINTS] = 299
    error = buy(world)
    assert isinstance(error, Fault)
    (attempt,) = world.rows.rows.values()
    assert (error.reason, world.locks, attempt.state) == ("POINTS_REFUSED", {}, CheckoutState.RELEASED)
    states = [(step.kind, step.state, step.reason) for step in attempt.steps[:3]]
    assert states == [
        (StepKind.COUPONS, StepState.COMPENSATED, ""),
        (StepKind.POINTS, StepState.REFUSED, "POINTS_REFUSED"),
        (StepKind.STORED_VALUE, StepState.SKIPPED, ""),
    ]


def test_more_money_than_the_order_costs_is_refused_and_free() -> None:
    world = World()
    error = buy(world, a_basket(coupon=False, points=500, stored_value=501, cards=()))
    assert isinstance(error, Fault)
    assert (error.reason, error.metadata) == ("TENDERS_UNSUITABLE", {"amount": "5.01 CNY", "due": "5.00 CNY"})
    assert world.holds == {}


def test_an_order_that_needs_nothing_held_opens_no_attempt() -> None:
    world = World()
    buy(world, Basket(wanted=(Wanted(TEA.id, 1),), buyer=Buyer(), channel="web"))
    (placement,) = world.orders.values()
    assert (placement.order.held, placement.order.tender, placement.tenders, world.rows.rows) == (False, None, (), {})


def test_a_lost_answer_is_not_believed_to_be_free_until_no_ask_can_be_under_way() -> None:
    world = World(breaks=[None, None, None, None, Break.LATE])
    buy(world)
    (attempt,) = world.rows.rows.values()
    assert (attempt.state, attempt.steps[0].state) == (CheckoutState.ABANDONED, StepState.COMPENSATING)
    world.pass_time(14)
    assert world.locks == {COUPON: attempt.order_id}  # it arrived after the unlock
    world.settle(30)
    assert world.locks == {}
    world.check()


STEPS = st.builds(
    Step,
    position=st.just(1),
    kind=st.sampled_from(StepKind),
    amount=st.none() | st.just(Money(1, "CNY")),
    state=st.sampled_from(StepState),
    answered=st.booleans(),
    attempts=st.integers(0, 3),
    ask_time=st.sampled_from([NOW, NOW - timedelta(hours=1)]),
)
MOVES = {
    Move.ASK: lambda step: step.ask(NOW),
    Move.ANSWER: lambda step: step.answer(Held("x", None), NOW),
    Move.REFUSE: lambda step: step.refuse("NO", NOW),
    Move.GIVE_UP: lambda step: step.give_up(NOW),
    Move.RELEASE: lambda step: step.release(Release(1, found=False), NOW),
}


@given(step=STEPS, move=st.sampled_from(Move))
def test_a_step_takes_no_other_way_than_the_table_says(step: Step, move: Move) -> None:
    try:
        after = MOVES[move](step)
    except Fault:
        assert (step.state, move) not in TRANSITIONS
        return
    if after is not step:
        assert after.state in TRANSITIONS[step.state, move]


@given(steps=st.lists(STEPS, max_size=4), state=st.sampled_from(CheckoutState))
def test_an_attempt_takes_no_other_way_than_the_table_says(steps: list[Step], state: CheckoutState) -> None:
    numbered = tuple(Step(index, step.kind, state=step.state) for index, step in enumerate(steps, 1))
    begun = Attempt.begin(new_id(), member=None, steps=numbered, pay_within=MINUTES, now=NOW)
    attempt = Attempt(begun.order_id, NOW, begun.hold_until, steps=numbered, state=state)
    for after in (attempt.give_up("NO", NOW), attempt.release([], NOW)):
        assert after.state == state or after.state in OUTCOMES[state]


def test_a_stale_attempt_is_given_up_and_another_begins() -> None:
    world = World()
    first = open_attempt(world.unit(), Open("a", new_id(), steps=a_basket().steps()))
    world.now += timedelta(minutes=10)
    second = open_attempt(world.unit(), Open("a", new_id(), steps=a_basket().steps()))
    assert second.order_id != first.order_id
    assert world.rows.rows[first.order_id].state is CheckoutState.RELEASED


def test_coupons_points_and_stored_value_belong_to_a_member() -> None:
    attempt = Attempt.begin(new_id(), member=None, steps=(), pay_within=MINUTES, now=NOW)
    with pytest.raises(Fault, match="is needed for coupons, points and stored value"):
        _ = attempt.buyer


def test_the_docs_draw_what_the_tables_say() -> None:
    attempt, step = diagrams("checkout.md")
    assert attempt == {f"{state} --> {after}" for state, outcomes in OUTCOMES.items() for after in outcomes}
    assert step == {
        f"{state} --> {after}: {move}" for (state, move), outcomes in TRANSITIONS.items() for after in outcomes
    }
