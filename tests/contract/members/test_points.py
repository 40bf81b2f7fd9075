"""Points and holds in batches: one bad command never harms its neighbours, and many on one member fold correctly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from kit.posting import Cause
from services.members.domain.hold import Hold, State
from services.members.domain.points import Wallet
from services.members.domain.validity import Expiry, Validity
from services.members.usecases import hold, points, programme
from services.members.usecases.hold import ConfirmHold, PlaceHold, ReleaseHold
from services.members.usecases.points import Accrue, Spend
from tests.contract.members.conftest import World

MINUTE = timedelta(minutes=1)


def place(of: UUID, count: int, ttl: timedelta = MINUTE) -> PlaceHold:
    return PlaceHold(uuid4(), of, count, "orders/1", ttl)


def reasons(outcomes: list[Any]) -> list[str]:
    return [outcome.reason if isinstance(outcome, Fault) else "" for outcome in outcomes]


def test_a_hundred_holds_against_points_for_fifty_give_exactly_fifty(world: World) -> None:
    (of,) = world.enrolled(available=500)
    outcomes = world.do(hold.change, [place(of, 10) for _ in range(100)])
    assert reasons(outcomes) == [""] * 50 + ["POINTS_INSUFFICIENT"] * 50
    assert world.wallet(of) == (0, 500, 0)


def test_a_bad_command_leaves_its_neighbours_alone(world: World) -> None:
    one, other = world.enrolled(2)
    outcomes = world.do(points.accrue, [Accrue(one, 5, ""), Accrue(uuid4(), 5, ""), Accrue(other, 7, "")])
    assert reasons(outcomes) == ["", "MEMBER_NOT_FOUND", ""]
    outcomes = world.do(points.spend, [Spend(one, 6, ""), Spend(other, 6, ""), Spend(one, 5, "")])
    assert reasons(outcomes) == ["POINTS_INSUFFICIENT", "", ""]
    assert (world.wallet(one), world.wallet(other)) == ((0, 0, 0), (1, 0, 0))


def test_each_answer_is_the_balance_after_its_own_command(world: World) -> None:
    (of,) = world.enrolled()
    outcomes = world.do(points.accrue, [Accrue(of, n, "") for n in (1, 2, 3)])
    assert [outcome.available for outcome in outcomes] == [1, 3, 6]


def test_points_count_from_the_moment_that_is_given(world: World) -> None:
    (of,) = world.enrolled()
    earlier = world.clock.now - timedelta(days=400)
    world.do(points.accrue, [Accrue(of, 5, "surveys/1", earlier)])
    (entry,) = world.do(points.entries, of, Page(5))
    assert (entry.cause, entry.create_time) == (Cause("ACCRUAL", "surveys/1", earlier), world.clock.now)


def test_a_hold_goes_through_its_life_within_one_batch(world: World) -> None:
    (of,) = world.enrolled(available=100)
    (placed,) = world.do(hold.change, [place(of, 60)])
    end = ConfirmHold(of, placed.id, 20)
    outcomes = world.do(hold.change, [end, end, ConfirmHold(of, placed.id, 21), ConfirmHold(of, uuid4())])
    assert reasons(outcomes) == ["", "", "HOLD_ENDED", "HOLD_NOT_FOUND"]
    assert outcomes[0] == outcomes[1]
    assert world.wallet(of) == (80, 0, 0)


def test_points_that_are_released_can_be_held_anew_within_one_batch(world: World) -> None:
    of, other = world.enrolled(2, available=100)
    (placed,) = world.do(hold.change, [place(of, 90)])
    acts = [place(of, 20), ReleaseHold(of, placed.id), place(other, 100), place(of, 100), ConfirmHold(of, placed.id)]
    assert reasons(world.do(hold.change, acts)) == ["POINTS_INSUFFICIENT", "", "", "", "HOLD_ENDED"]
    assert [world.wallet(each) for each in (of, other)] == [(0, 100, 0), (0, 100, 0)]


def test_what_is_left_of_a_confirmed_hold_is_spent_in_the_order_of_expiry(world: World) -> None:
    (of,) = world.enrolled()
    for days in (2, 1):
        world.do(programme.update, programme.UpdateProgramme({"validity": Validity(Expiry.DAYS, days)}))
        world.do(points.accrue, [Accrue(of, 50, f"surveys/{days}")])
    (placed,) = world.do(hold.change, [place(of, 50)])
    (_, again) = world.do(hold.change, [ConfirmHold(of, placed.id, 10), place(of, 60)])
    assert [part.points for part in again.parts] == [40, 20]
    assert again.parts[0].lot == placed.parts[0].lot


def test_a_hold_of_another_member_is_not_found(world: World) -> None:
    one, other = world.enrolled(2, available=10)
    (placed,) = world.do(hold.change, [place(one, 10)])
    assert reasons(world.do(hold.change, [ReleaseHold(other, placed.id)])) == ["HOLD_NOT_FOUND"]
    assert reasons(world.do(hold.change, [ReleaseHold(uuid4(), placed.id)])) == ["HOLD_NOT_FOUND"]


def test_only_holds_whose_time_is_over_expire(world: World) -> None:
    ids = world.enrolled(3, available=10)
    long, short, ended = world.do(
        hold.change, [place(ids[0], 10, timedelta(hours=1)), place(ids[1], 10), place(ids[2], 10)]
    )
    world.do(hold.change, [ConfirmHold(ids[2], ended.id)])
    assert world.do(hold.expire) == 0
    world.clock.move(MINUTE)
    assert world.do(hold.expire) == 1
    assert world.do(hold.expire) == 0
    found: dict[UUID, Hold] = world.do(lambda unit: unit.holds.read([long.id, short.id, ended.id]))
    assert [found[each.id].state for each in (long, short, ended)] == [State.ACTIVE, State.EXPIRED, State.CONFIRMED]
    assert [world.wallet(of) for of in ids] == [(0, 10, 0), (10, 0, 0), (0, 0, 0)]


def test_an_expired_hold_cannot_be_confirmed_even_before_the_sweep(world: World) -> None:
    (of,) = world.enrolled(available=10)
    (placed,) = world.do(hold.change, [place(of, 10)])
    world.clock.move(MINUTE)
    assert reasons(world.do(hold.change, [ConfirmHold(of, placed.id)])) == ["HOLD_EXPIRED"]


def test_the_value_of_held_points_is_that_of_the_moment(world: World) -> None:
    (of,) = world.enrolled(available=1000)
    (placed,) = world.do(hold.change, [place(of, 250)])
    assert (placed.value.minor, placed.value.currency) == (250, "USD")


@pytest.mark.parametrize("usecase", [points.accrue, points.spend, hold.change])
def test_an_empty_batch_is_nothing(world: World, usecase: Any) -> None:
    assert world.do(usecase, []) == []


def test_balances_of_many_are_read_at_once(world: World) -> None:
    one, other = world.enrolled(2, available=3)
    stranger = uuid4()
    found = world.do(points.balances, [one, stranger, other, one])
    assert reasons(found) == ["", "MEMBER_NOT_FOUND", "", ""]
    assert [each.available for each in found if isinstance(each, Wallet)] == [3, 3, 3]


def test_entries_of_nobody_are_refused_and_of_a_new_member_empty(world: World) -> None:
    (of,) = world.enrolled()
    assert world.do(points.entries, of, Page(5)) == []
    with pytest.raises(Fault) as refusal:
        world.do(points.entries, uuid4(), Page(5))
    assert refusal.value.reason == "MEMBER_NOT_FOUND"
