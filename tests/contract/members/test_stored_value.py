"""Stored value on a real database: what comes in, what goes out, and that nothing is lost in between."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from services.members.domain.stored_payment import State, StoredPayment
from services.members.domain.stored_value import DrawOrder, Parts
from services.members.domain.top_up import TopUp
from services.members.usecases import stored_payment, stored_value, top_up
from tests.contract.members.conftest import World
from tests.contract.members.purses import check_stored_value, free_and_held
from tests.contract.members.test_races import at_once
from tests.support.builders.stored_value import CURRENCY, end, give_back, pay, pay_in, update_rules


def one(world: World, usecase: Any, command: Any) -> Any:
    """The outcome of a single command of a set."""
    return world.do(usecase, [command])[0]


@pytest.fixture
def member(world: World) -> UUID:
    """Somebody who paid in 100.00 and got 10.00 on top."""
    world.do(stored_value.update_rules, update_rules((10_000, 1_000)))
    (of,) = world.enrolled()
    assert isinstance(one(world, top_up.top_up, pay_in(of, 10_000)), TopUp)
    return of


def test_the_highest_tier_that_a_top_up_reaches_gives_the_bonus(world: World) -> None:
    world.do(stored_value.update_rules, update_rules((10_000, 1_000), (50_000, 8_000)))
    (of,) = world.enrolled()
    amounts = (9_999, 10_000, 49_999, 50_000, 70_000)
    made = world.do(top_up.top_up, [pay_in(of, amount) for amount in amounts])
    assert [each.paid.bonus for each in made] == [0, 1_000, 1_000, 8_000, 8_000]
    assert {each.rules for each in made} == {1}


def test_a_change_of_the_rules_leaves_what_was_topped_up_alone(world: World, member: UUID) -> None:
    world.do(stored_value.update_rules, update_rules((10_000, 5_000), order=DrawOrder.BONUS_FIRST))
    assert free_and_held(world, member) == ((10_000, 1_000), (0, 0))
    assert one(world, top_up.top_up, pay_in(member, 10_000)).rules == 2


def test_a_payment_draws_on_both_parts_in_their_ratio_to_the_cent(world: World, member: UUID) -> None:
    paid = one(world, stored_payment.pay, pay(member, 3_333))
    assert paid.parts == Parts(3_030, 303)
    assert free_and_held(world, member) == ((6_970, 697), (0, 0))


@pytest.mark.parametrize(
    ("order", "parts"),
    [(DrawOrder.PRINCIPAL_FIRST, (10_000, 500)), (DrawOrder.BONUS_FIRST, (9_500, 1_000))],
)
def test_the_rules_may_want_one_part_first(
    world: World, member: UUID, order: DrawOrder, parts: tuple[int, int]
) -> None:
    world.do(stored_value.update_rules, update_rules((10_000, 1_000), order=order))
    assert one(world, stored_payment.pay, pay(member, 10_500)).parts == parts


def test_more_than_is_there_cannot_be_paid(world: World, member: UUID) -> None:
    refusal = one(world, stored_payment.pay, pay(member, 11_001))
    assert isinstance(refusal, Fault)
    assert (refusal.reason, refusal.metadata) == (
        "STORED_VALUE_INSUFFICIENT",
        {"asked": "110.01 CNY", "available": "110.00 CNY"},
    )


def test_one_bad_payment_leaves_its_neighbours_alone(world: World, member: UUID) -> None:
    commands = [pay(member, 5_000), pay(member, 9_000), pay(uuid4(), 1), pay(member, 6_000)]
    outcomes = world.do(stored_payment.pay, commands)
    assert [getattr(each, "reason", None) or each.state for each in outcomes] == [
        State.PAID,
        "STORED_VALUE_INSUFFICIENT",
        "MEMBER_NOT_FOUND",
        State.PAID,
    ]
    assert free_and_held(world, member) == ((0, 0), (0, 0))


@pytest.mark.parametrize("parts", [[3_333], [1] * 7 + [3_326], [1_111, 1_111, 1_111], [3_332, 1]])
def test_refunds_in_any_parts_return_exactly_what_was_paid(world: World, member: UUID, parts: list[int]) -> None:
    paid = one(world, stored_payment.pay, pay(member, 3_333))
    made = [world.do(stored_payment.refund, give_back(paid.id, part)) for part in parts]
    assert sum(each.parts.principal for each in made) == 3_030
    assert sum(each.parts.bonus for each in made) == 303
    assert free_and_held(world, member) == ((10_000, 1_000), (0, 0))
    with pytest.raises(Fault, match=r"0\.01 CNY is asked for, 0\.00 CNY is left"):
        world.do(stored_payment.refund, give_back(paid.id, 1))


def test_what_is_set_aside_is_paid_in_part_and_the_rest_comes_back(world: World, member: UUID) -> None:
    held = one(world, stored_payment.pay, pay(member, 1_100, ttl=60))
    assert free_and_held(world, member) == ((9_000, 900), (1_000, 100))
    confirmed = one(world, stored_payment.confirm, end(held.id, 550))
    assert (confirmed.state, confirmed.parts) == (State.PAID, Parts(500, 50))
    assert free_and_held(world, member) == ((9_500, 950), (0, 0))
    assert one(world, stored_payment.confirm, end(held.id, 550)) == confirmed
    assert one(world, stored_payment.confirm, end(held.id)).reason == "STORED_VALUE_PAYMENT_ENDED"
    assert one(world, stored_payment.release, end(held.id)).reason == "STORED_VALUE_PAYMENT_ENDED"


def test_what_is_released_can_be_spent_again(world: World, member: UUID) -> None:
    held = one(world, stored_payment.pay, pay(member, 1_100, ttl=60))
    released = one(world, stored_payment.release, end(held.id))
    assert released.state is State.RELEASED
    assert one(world, stored_payment.release, end(held.id)) == released
    assert one(world, stored_payment.confirm, end(held.id)).reason == "STORED_VALUE_PAYMENT_ENDED"
    assert free_and_held(world, member) == ((10_000, 1_000), (0, 0))


def test_what_is_set_aside_for_too_long_comes_back_once(world: World, member: UUID) -> None:
    held = one(world, stored_payment.pay, pay(member, 1_100, ttl=60))
    world.clock.move(timedelta(seconds=59))
    assert world.do(stored_payment.expire) == 0
    world.clock.move(timedelta(seconds=1))
    assert one(world, stored_payment.confirm, end(held.id)).reason == "STORED_VALUE_PAYMENT_EXPIRED"
    assert sum(at_once([lambda: world.do(stored_payment.expire)] * 3)) == 1
    assert free_and_held(world, member) == ((10_000, 1_000), (0, 0))
    assert world.do(stored_payment.get, held.id).state is State.EXPIRED


def test_a_refund_of_a_top_up_takes_the_unspent_bonus_along(world: World, member: UUID) -> None:
    made = one(world, top_up.top_up, pay_in(member, 10_000))
    half = world.do(top_up.refund, give_back(made.id, 5_000))
    assert half.parts == Parts(5_000, 500)
    world.do(stored_value.update_rules, update_rules(order=DrawOrder.BONUS_FIRST))
    one(world, stored_payment.pay, pay(member, 1_400))
    rest = world.do(top_up.refund, give_back(made.id))
    assert rest.parts == Parts(5_000, 100)
    assert free_and_held(world, member) == ((10_000, 0), (0, 0))


def test_a_top_up_can_be_paid_back_only_as_far_as_its_money_is_there(world: World, member: UUID) -> None:
    made = one(world, top_up.top_up, pay_in(member, 100))
    one(world, stored_payment.pay, pay(member, 11_099))
    with pytest.raises(Fault) as caught:
        world.do(top_up.refund, give_back(made.id))
    assert caught.value.reason == "STORED_VALUE_INSUFFICIENT"


def test_the_same_reference_is_the_same_once(world: World, member: UUID) -> None:
    topped = [one(world, top_up.top_up, pay_in(member, 500, reference="wx/1")) for _ in range(2)]
    twice = [pay(member, 500, reference="orders/1"), pay(member, 500, reference="orders/1")]
    paid = [*world.do(stored_payment.pay, twice), one(world, stored_payment.pay, twice[0])]
    assert topped[0] == topped[1]
    assert paid[0] == paid[1] == paid[2]
    back = [world.do(stored_payment.refund, give_back(paid[0].id, 100, reference="returns/1")) for _ in range(2)]
    assert back[0] == back[1]
    again = one(world, stored_payment.pay, pay(member, 501, reference="orders/1"))
    assert again.reason == "REFERENCE_TAKEN"
    assert one(world, top_up.top_up, pay_in(member, 501, reference="wx/1")).reason == "REFERENCE_TAKEN"
    with pytest.raises(Fault) as caught:
        world.do(stored_payment.refund, give_back(paid[0].id, 101, reference="returns/1"))
    assert caught.value.reason == "REFERENCE_TAKEN"
    free, _ = free_and_held(world, member)
    assert sum(free) == 11_000 + 500 - 500 + 100


def test_two_hundred_payments_of_ten_against_a_thousand_give_exactly_a_hundred(world: World) -> None:
    (of,) = world.enrolled()
    one(world, top_up.top_up, pay_in(of, 1_000))
    outcomes = at_once([lambda: one(world, stored_payment.pay, pay(of, 10))] * 200)
    refused = [outcome.reason for outcome in outcomes if isinstance(outcome, Fault)]
    assert refused == ["STORED_VALUE_INSUFFICIENT"] * 100
    assert free_and_held(world, of) == ((0, 0), (0, 0))
    check_stored_value(world)


def test_first_top_ups_at_many_stores_at_once_open_each_account_once(world: World) -> None:
    members = world.enrolled(5)
    stores = [f"store-{number}" for number in range(8)]
    acts = [partial(one, world, top_up.top_up, pay_in(of, 100, store=store)) for of in members for store in stores]
    assert all(isinstance(outcome, TopUp) for outcome in at_once(acts))
    assert {free_and_held(world, of) for of in members} == {((800, 0), (0, 0))}
    check_stored_value(world)


def test_a_payment_that_many_want_to_end_or_refund_moves_once(world: World, member: UUID) -> None:
    held = one(world, stored_payment.pay, pay(member, 1_100, ttl=60))
    acts = [lambda: one(world, stored_payment.confirm, end(held.id))] * 10
    acts += [lambda: one(world, stored_payment.release, end(held.id))] * 10
    ends = {outcome.state for outcome in at_once(acts) if isinstance(outcome, StoredPayment)}
    assert len(ends) == 1
    paid = one(world, stored_payment.pay, pay(member, 1_100))
    refunds = at_once([lambda: world.do(stored_payment.refund, give_back(paid.id, 300))] * 10)
    assert sum(not isinstance(outcome, Fault) for outcome in refunds) == 3
    check_stored_value(world)


def test_each_change_says_what_is_there_after_it(world: World, member: UUID) -> None:
    one(world, stored_payment.pay, pay(member, 1_100, source="orders/1"))
    subjects = world.published("StoredValueChanged")
    assert [subject for subject, _, _ in subjects] == [f"members/{member}/storedValues/{CURRENCY}"] * 2
    assert [version for _, version, _ in subjects] == [2, 4]
    assert '"change":{"currencyCode":"CNY","units":"-11"}' in subjects[1][2]
    assert '"source":"orders/1"' in subjects[1][2]
