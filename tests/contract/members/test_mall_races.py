"""The mall under many at once, on real threads and a real database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from kit.errors import Fault
from services.members.domain.redemption import State
from services.members.domain.reward import State as RewardState
from services.members.usecases import fulfilment, redemption, reward
from services.members.usecases.fulfilment import IssueCode, VerifyCode
from services.members.usecases.redemption import Cancel, Refund
from services.members.usecases.reward import TurnReward, UpdateReward
from tests.contract.members.conftest import World
from tests.contract.members.test_mall import asked, check_mall, on_sale, stock
from tests.contract.members.test_races import at_once
from tests.support.builders.mall import pay, redeem
from tests.support.builders.members import dollars


@pytest.fixture(autouse=True)
def mall_adds_up(world: World) -> Iterator[None]:
    yield
    check_mall(world)


def reasons(outcomes: list[Any]) -> Counter[str]:
    """How often which reason, or state, was the outcome."""
    return Counter(each.reason if isinstance(each, Fault) else each.state.value for each in outcomes)


def test_five_hundred_who_want_the_last_piece_get_one_and_nobody_else_loses_a_point(world: World) -> None:
    ids = world.enrolled(500, available=100)
    cup = on_sale(world, stock=1)
    outcomes = at_once([lambda of=of: asked(world, of, cup) for of in ids])  # type: ignore[misc]
    assert reasons(outcomes) == {"CONFIRMED": 1, "REWARD_SOLD_OUT": 499}
    assert stock(world, cup) == (0, 0, 1)
    (winner,) = [each.member for each in outcomes if not isinstance(each, Fault)]
    left = world.rows("select owner, balance from ledger_accounts where kind = 'available' and unit = 'points'")
    assert {(owner, balance) for owner, balance in left if owner in ids} == {
        (of, 0 if of == winner else 100) for of in ids
    }


def test_batches_of_different_processes_never_give_away_more_than_there_is(world: World) -> None:
    ids = world.enrolled(200, available=100)
    cup = on_sale(world, stock=77)
    batches = [[redeem(of, cup) for of in ids[start : start + 20]] for start in range(0, 200, 20)]
    done = at_once([lambda each=each: world.do(redemption.redeem, each) for each in batches])  # type: ignore[misc]
    assert reasons([each for batch in done for each in batch]) == {"CONFIRMED": 77, "REWARD_SOLD_OUT": 123}


@pytest.mark.parametrize("limit", ["per_member", "per_day"])
def test_a_limit_holds_against_one_member_with_many_hands(world: World, limit: str) -> None:
    (of,) = world.enrolled(available=10_000)
    cup = on_sale(world, stock=100, **{limit: 3})
    outcomes = at_once([lambda: asked(world, of, cup)] * 60)
    assert reasons(outcomes) == {"CONFIRMED": 3, "REWARD_LIMIT_REACHED": 57}


def test_three_sweeps_at_once_end_each_redemption_once(world: World) -> None:
    ids = world.enrolled(60, available=100)
    cup = on_sale(world, cash=dollars(1), stock=60)
    world.do(redemption.redeem, [redeem(of, cup, ttl=60) for of in ids])
    assert stock(world, cup) == (0, 60, 0)
    world.clock.move(timedelta(seconds=60))
    swept = at_once([lambda: world.do(redemption.expire)] * 3)
    while sum(swept) < len(ids):  # a sweep passes over those whom another one has locked
        swept.append(world.do(redemption.expire))
    assert sum(swept) == len(ids)
    assert len(world.published("RedemptionCancelled")) == len(ids)
    assert stock(world, cup) == (60, 0, 0)
    assert {world.wallet(of) for of in ids} == {(100, 0, 0)}


def test_a_payment_and_the_end_of_time_meet_and_one_of_them_decides(world: World) -> None:
    ids = world.enrolled(30, available=100)
    cup = on_sale(world, cash=dollars(1), stock=30)
    waiting = world.do(redemption.redeem, [redeem(of, cup, ttl=60) for of in ids])
    world.clock.move(timedelta(seconds=60))
    acts: list[Any] = [lambda each=each: world.do(redemption.confirm, [pay(each)])[0] for each in waiting]
    acts += [lambda: world.do(redemption.expire)] * 10
    paid = [each for each in at_once(acts) if not isinstance(each, int)]
    assert reasons(paid) == {"CONFIRMED": 30}
    assert stock(world, cup) == (0, 0, 30)
    assert {world.wallet(of) for of in ids} == {(0, 0, 0)}


def test_a_redemption_that_many_want_to_end_ends_once(world: World) -> None:
    (of,) = world.enrolled(available=100)
    cup = on_sale(world, cash=dollars(1))
    waiting = asked(world, of, cup)
    command = pay(waiting, payment="psp/1")
    acts = [
        lambda: world.do(redemption.confirm, [command])[0],
        lambda: world.do(redemption.cancel, [Cancel(of, waiting.id)])[0],
    ]
    seen = reasons(at_once(acts * 20))
    assert seen in ({"CONFIRMED": 20, "REDEMPTION_STATE_WRONG": 20}, {"CANCELLED": 20, "REDEMPTION_STATE_WRONG": 20})


def test_a_refund_that_many_send_gives_the_points_back_once(world: World) -> None:
    (of,) = world.enrolled(available=100)
    cup = on_sale(world)
    done = asked(world, of, cup)
    outcomes = at_once([lambda: world.do(redemption.refund, [Refund(of, done.id, "", True)])[0]] * 20)
    assert reasons(outcomes) == {"REFUNDED": 20}
    assert (world.wallet(of), stock(world, cup)) == ((100, 0, 0), (10, 0, 0))


def test_a_code_that_many_bring_at_once_is_good_for_one(world: World) -> None:
    (of,) = world.enrolled(available=100)
    done = asked(world, of, on_sale(world))
    world.do(fulfilment.issue_code, IssueCode(of, done.id, "digest"))
    outcomes = at_once([lambda: world.do(fulfilment.verify_code, VerifyCode("digest", "stores/1"))] * 20)
    assert reasons(outcomes) == {"FULFILLED": 1, "REDEMPTION_CODE_INVALID": 19}


def test_a_payment_that_is_named_for_many_redemptions_pays_one(world: World) -> None:
    ids = world.enrolled(16, available=100)
    cup = on_sale(world, cash=dollars(1), stock=16)
    waiting = world.do(redemption.redeem, [redeem(of, cup) for of in ids])
    commands = [pay(each, payment="psp/1") for each in waiting]
    outcomes = at_once([lambda one=one: world.do(redemption.confirm, [one])[0] for one in commands])  # type: ignore[misc]
    seen = reasons(outcomes)
    assert seen["CONFIRMED"] == 1
    assert set(seen) <= {"CONFIRMED", "PAYMENT_TAKEN", "CONFLICT"}  # the index decides, a repeat is told why
    again = [world.do(redemption.confirm, [pay(each, payment="psp/1")])[0] for each in waiting]
    assert reasons(again) == {"CONFIRMED": 1, "PAYMENT_TAKEN": 15}


def test_everything_at_once_over_shared_members_and_rewards_locks_nobody_out(world: World) -> None:
    ids = world.enrolled(12, available=3000)
    rewards = [on_sale(world, cash=dollars(1), stock=40) for _ in range(3)]
    waiting = [each for what in rewards for each in world.do(redemption.redeem, [redeem(of, what) for of in ids])]

    def act(number: int) -> Any:
        mine = waiting[number : number + 6]
        match number % 5:
            case 0:
                return world.do(redemption.redeem, [redeem(of, rewards[-number % 3]) for of in reversed(ids)])
            case 1:
                return world.do(redemption.confirm, [pay(each) for each in reversed(mine)])
            case 2:
                return world.do(redemption.cancel, [Cancel(each.member, each.id) for each in mine])
            case 3:
                return world.do(redemption.refund, [Refund(each.member, each.id, str(each.id), True) for each in mine])
            case _:
                return world.do(reward.update, UpdateReward(rewards[number % 3], {"item": str(number)}))

    failed = [each for each in at_once([lambda n=n: act(n) for n in range(30)] * 2) if isinstance(each, Exception)]
    assert failed == []


def test_a_reward_that_is_taken_off_sale_is_redeemed_before_or_not_at_all(world: World) -> None:
    ids: list[UUID] = world.enrolled(40, available=100)
    cup = on_sale(world, stock=40)
    acts: list[Any] = [lambda of=of: asked(world, of, cup) for of in ids]
    acts.insert(10, lambda: world.do(reward.turn, TurnReward(cup, RewardState.OFF_SALE)))
    outcomes = [each for each in at_once(acts) if isinstance(each, Fault) or isinstance(each.state, State)]
    seen = reasons(outcomes)
    assert set(seen) <= {"CONFIRMED", "REWARD_NOT_ON_SALE"}
    assert stock(world, cup)[2] == seen["CONFIRMED"]
