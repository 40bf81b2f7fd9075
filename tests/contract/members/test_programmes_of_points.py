"""Holds, rewards, transfers, adjustments and readings of each programme touch its own points and no other's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.adjustment import Adjustment
from services.members.domain.audit import Author
from services.members.domain.hold import Hold, State
from services.members.domain.point_transfer import PointTransfer
from services.members.domain.programme import Rate
from services.members.domain.redemption import State as Redeemed
from services.members.domain.reward import State as RewardState
from services.members.usecases import (
    adjustment,
    hold,
    merge,
    point_transfer,
    points,
    programme,
    programme_points,
    purchase,
    redemption,
    reward,
    verification,
)
from services.members.usecases.adjustment import AdjustPoints
from services.members.usecases.hold import ConfirmHold, PlaceHold, ReleaseHold
from services.members.usecases.merge import MergeMembers, UndoMerge
from services.members.usecases.point_transfer import TransferPoints, UpdatePolicy
from services.members.usecases.points import Accrue, LotsAsked, Spend
from services.members.usecases.reward import TurnReward, UpdateReward
from tests.contract.members.conftest import World
from tests.contract.members.test_mall import check_mall
from tests.contract.members.test_verification import sweep, verify
from tests.support.builders.mall import create_reward, pay, redeem
from tests.support.builders.members import dollars, settlement
from tests.support.builders.members import programme as default_programme

ADA = Author("ada", "tests")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def stars(world: World) -> Iterator[None]:
    """A second programme, whose points are worth ten times as much, and a mall that adds up in the end."""
    rules = replace(default_programme(redeem=Rate(10, dollars(1)), earn=Rate(3, dollars(1))), id="stars", tiers=())
    world.do(programme.create, replace(rules, time_zone="Asia/Shanghai"))
    yield
    check_mall(world)


def member(world: World, *, default: int = 100, stars: int = 100) -> UUID:
    """Somebody with points of both programmes."""
    (id_,) = world.enrolled(available=default)
    if stars:
        world.do(programme_points.accrue, [Accrue(id_, stars, "tests/1", programme="stars")])
    return id_


def of(world: World, id_: UUID, programme: str = "stars") -> tuple[int, int]:
    """Available and held."""
    wallet = world.do(points.balance_of, id_, programme)
    return wallet.available, wallet.held


def place(world: World, id_: UUID, count: int, programme: str = "stars") -> Any:
    return world.do(hold.change, [PlaceHold(uuid4(), id_, count, "carts/1", HOUR, programme)])[0]


def reason(outcome: Any) -> str:
    assert isinstance(outcome, Fault)
    return outcome.reason


def refused(world: World, *call: Any) -> str:
    with pytest.raises(Fault) as refusal:
        world.do(*call)
    return refusal.value.reason


def lots_of(world: World, id_: UUID, programme: str) -> set[UUID]:
    return {lot.id for lot in world.do(points.lots, LotsAsked(id_, programme=programme))}


def test_a_hold_draws_on_the_lots_of_its_own_programme_alone(world: World) -> None:
    id_ = member(world)
    placed = place(world, id_, 30)
    assert (placed.programme, placed.value) == ("stars", dollars(3))
    assert {part.lot for part in placed.parts} == lots_of(world, id_, "stars")
    assert (of(world, id_), of(world, id_, "default")) == ((70, 30), (100, 0))
    (ended,) = world.do(hold.change, [ConfirmHold(id_, placed.id, 20)])
    assert (ended.state, ended.programme, of(world, id_)) == (State.CONFIRMED, "stars", (80, 0))
    released = place(world, id_, 80)
    world.do(hold.change, [ReleaseHold(id_, released.id)])
    assert (of(world, id_), of(world, id_, "default")) == ((80, 0), (100, 0))
    assert world.do(hold.get, hold.HoldKey(id_, released.id)).programme == "stars"


def test_a_hold_is_refused_that_the_other_programme_could_fill(world: World) -> None:
    id_ = member(world, stars=10)
    assert reason(place(world, id_, 11)) == "POINTS_INSUFFICIENT"
    assert reason(place(world, id_, 1, "moons")) == "PROGRAMME_NOT_FOUND"
    assert reason(place(world, uuid4(), 1)) == "MEMBER_NOT_FOUND"
    nobody = member(world, stars=0)
    assert reason(place(world, nobody, 1)) == "POINTS_INSUFFICIENT"
    assert (of(world, id_), of(world, id_, "default")) == ((10, 0), (100, 0))


def test_one_transaction_serves_holds_of_several_programmes(world: World) -> None:
    one, other = member(world), member(world)
    commands = [
        PlaceHold(uuid4(), who, 40, "carts/1", HOUR, programme)
        for who in (one, other)
        for programme in ("stars", "default", "moons", "stars", "stars")
    ]
    outcomes = world.do(hold.change, commands)
    assert [isinstance(each, Hold) for each in outcomes] == [True, True, False, True, False] * 2
    assert {of(world, who) for who in (one, other)} == {(20, 80)}
    assert {of(world, who, "default") for who in (one, other)} == {(60, 40)}
    ends = [ReleaseHold(each.member, each.id) for each in outcomes if isinstance(each, Hold)]
    world.do(hold.change, ends[:3])
    assert (of(world, one), of(world, one, "default")) == ((100, 0), (100, 0))
    third = member(world)
    again = [PlaceHold(uuid4(), who, 100, "carts/2", HOUR, "stars") for who in (one, other, third)]
    outcomes = world.do(hold.change, [again[0], again[1], *ends[3:], again[1], again[2]])
    assert [isinstance(each, Fault) for each in outcomes] == [False, True, False, False, False, False, False]
    assert {of(world, who) for who in (one, other, third)} == {(0, 100)}
    world.do(hold.change, [ReleaseHold(each.member, each.hold) for each in again])
    assert {of(world, who, each) for who in (one, other) for each in ("stars", "default")} == {(100, 0)}


def test_holds_of_every_programme_expire(world: World) -> None:
    id_ = member(world)
    place(world, id_, 30)
    place(world, id_, 30, "default")
    world.clock.move(HOUR)
    assert world.do(hold.expire) == 2
    assert (of(world, id_), of(world, id_, "default")) == ((100, 0), (100, 0))


def test_an_order_that_was_paid_with_another_programmes_points_spends_those(world: World) -> None:
    id_ = member(world)
    placed = place(world, id_, 30)
    bought = settlement(id_, net=100, hold=placed.id)
    world.do(purchase.settle, [bought])
    assert of(world, id_) == (70 + 300, 0)
    world.do(purchase.settle, [replace(bought, net=dollars(0), returned=30, version=2)])
    assert world.rows("select returned, confirmed from holds where id = :id", id=placed.id) == [(30, 30)]
    assert (of(world, id_), of(world, id_, "default")) == ((100, 0), (100, 0))


def test_what_is_held_is_proved_for_each_programme(world: World) -> None:
    id_ = member(world)
    place(world, id_, 30)
    place(world, id_, 20, "default")
    assert sweep(world) == []
    signed, checks = verify(world, id_)
    held = {check.subject.split("/", 2)[2]: check.actual for check in checks if check.kind == "hold"}
    assert signed.ok
    assert (held["points/held"], held["points/stars/held"]) == ("20", "30")


def on_sale(world: World, **fields: Any) -> UUID:
    made = world.do(reward.create, create_reward(**fields))
    world.do(reward.turn, TurnReward(made.id, RewardState.ON_SALE))
    id_: UUID = made.id
    return id_


def test_a_reward_costs_points_of_its_programme(world: World) -> None:
    id_ = member(world, stars=150)
    cup = on_sale(world, programme="stars")
    (got,) = world.do(redemption.redeem, [redeem(id_, cup)])
    assert (got.programme, of(world, id_), of(world, id_, "default")) == ("stars", (50, 0), (100, 0))
    assert reason(world.do(redemption.redeem, [redeem(id_, cup)])[0]) == "POINTS_INSUFFICIENT"
    world.do(redemption.refund, [redemption.Refund(id_, got.id, "", restock=True)])
    assert (of(world, id_), of(world, id_, "default")) == ((150, 0), (100, 0))


def test_a_redemption_keeps_its_programme_whatever_becomes_of_the_reward(world: World) -> None:
    id_ = member(world)
    cup = on_sale(world, programme="stars", cash=dollars(1))
    (asked,) = world.do(redemption.redeem, [redeem(id_, cup)])
    world.do(reward.update, UpdateReward(cup, {"programme": "default"}))
    world.clock.move(HOUR)
    world.do(redemption.expire)
    (late,) = world.do(redemption.confirm, [pay(asked)])
    assert (late.state, late.programme) == (Redeemed.CONFIRMED, "stars")
    assert (of(world, id_), of(world, id_, "default")) == ((0, 0), (100, 0))
    (now,) = world.do(redemption.redeem, [redeem(id_, cup)])
    assert (now.programme, of(world, id_, "default")) == ("default", (0, 100))


def test_a_day_of_a_reward_is_one_of_its_programme(world: World) -> None:
    id_ = member(world, default=1000, stars=1000)
    world.clock.now = world.clock.now.replace(hour=15, minute=59)  # 23:59 in Shanghai
    cups = [on_sale(world, programme=programme, per_day=1) for programme in ("stars", "default")]
    for cup in cups:
        world.do(redemption.redeem, [redeem(id_, cup)])
    world.clock.move(timedelta(minutes=1))
    outcomes = world.do(redemption.redeem, [redeem(id_, cup) for cup in cups])
    assert [getattr(each, "reason", "") for each in outcomes] == ["", "REWARD_LIMIT_REACHED"]


def test_no_reward_costs_points_of_a_programme_that_is_not(world: World) -> None:
    assert refused(world, reward.create, create_reward(programme="moons")) == "PROGRAMME_NOT_FOUND"
    cup = on_sale(world)
    assert refused(world, reward.update, UpdateReward(cup, {"programme": "moons"})) == "PROGRAMME_NOT_FOUND"


def test_points_of_each_programme_are_given_by_its_own_policy(world: World) -> None:
    giver, friend = member(world), member(world)
    world.do(point_transfer.update, UpdatePolicy(daily_limit=500, minimum=1))
    command = TransferPoints(uuid4(), giver, friend, 30, "stars")
    assert reason(world.do(point_transfer.transfer, [command])[0]) == "POINT_TRANSFER_REFUSED"
    assert world.do(point_transfer.policy, "stars").daily_limit == 0
    world.do(point_transfer.update, UpdatePolicy(daily_limit=40, minimum=None, programme="stars"))
    world.do(point_transfer.transfer, [TransferPoints(uuid4(), giver, friend, 90)])
    made, over, unknown = world.do(
        point_transfer.transfer,
        [command, replace(command, transfer=uuid4(), points=11), replace(command, programme="moons")],
    )
    assert (isinstance(made, PointTransfer), made.programme) == (True, "stars")
    assert (reason(over), reason(unknown)) == ("POINT_TRANSFER_REFUSED", "PROGRAMME_NOT_FOUND")
    assert (of(world, giver), of(world, friend)) == ((70, 0), (130, 0))
    assert (of(world, giver, "default"), of(world, friend, "default")) == ((10, 0), (190, 0))
    assert [each.programme for each in world.do(point_transfer.page, giver, Page(9))].count("stars") == 1
    assert world.do(point_transfer.policy).daily_limit == 500


def test_a_policy_is_of_a_programme_and_never_overwrites_anothers_change(world: World) -> None:
    assert refused(world, point_transfer.policy, "moons") == "PROGRAMME_NOT_FOUND"
    assert refused(world, point_transfer.update, UpdatePolicy(1, 1, programme="moons")) == "PROGRAMME_NOT_FOUND"
    seen = world.do(point_transfer.policy, "stars").version
    changed = world.do(point_transfer.update, UpdatePolicy(9, 2, version=seen, programme="stars"))
    assert world.do(point_transfer.policy, "stars") == changed
    assert refused(world, point_transfer.update, UpdatePolicy(8, 2, seen, programme="stars")) == "ETAG_MISMATCH"


def test_points_are_given_and_taken_by_hand_in_the_programme_of_the_row(world: World) -> None:
    id_ = member(world)
    rows = [
        Adjustment("a", id_, 5, "claim", "stars"),
        Adjustment("b", id_, -101, "claim", "stars"),
        Adjustment("c", id_, 7, "claim"),
        Adjustment("d", id_, 5, "claim", "moons"),
        Adjustment("e", id_, -105, "claim", "stars"),
    ]
    outcomes = world.do(adjustment.adjust, AdjustPoints(ADA, rows))
    reasons = ["", "", "", "PROGRAMME_NOT_FOUND", "POINTS_INSUFFICIENT"]
    assert [getattr(each, "reason", "") for each in outcomes] == reasons
    assert (of(world, id_), of(world, id_, "default")) == ((4, 0), (107, 0))
    again = world.do(adjustment.adjust, AdjustPoints(ADA, [rows[0], replace(rows[0], programme="default")]))
    assert (again[0].state, reason(again[1])) == ("UNCHANGED", "ADJUSTMENT_ROW_REUSED")


def test_lots_balances_and_entries_are_read_by_programme_now_and_then(world: World) -> None:
    id_ = member(world)
    world.clock.move(HOUR)
    before = world.clock.now
    world.clock.move(HOUR)
    world.do(programme_points.spend, [Spend(id_, 60, "tests/2", "stars")])
    assert [lot.available for lot in world.do(points.lots, LotsAsked(id_, programme="stars"))] == [40]
    assert [lot.available for lot in world.do(points.lots, LotsAsked(id_, before, None, "stars"))] == [100]
    assert world.do(points.balance_at, id_, before, "stars").available == 100
    assert world.do(points.balance_at, id_, world.clock.now, "stars").available == 40
    assert world.do(points.balance_at, id_, world.clock.now).available == 100
    assert [each.points for each in world.do(points.entries, id_, Page(9), "stars")] == [60, 100]
    assert [each.points for each in world.do(points.entries, id_, Page(9))] == [100]
    for call in (
        (points.lots, LotsAsked(id_, programme="moons")),
        (points.balance_at, id_, before, "moons"),
        (points.balance_of, id_, "moons"),
        (points.entries, id_, Page(9), "moons"),
    ):
        assert refused(world, *call) == "PROGRAMME_NOT_FOUND"


def test_a_name_that_was_merged_leads_to_the_points_that_came_since(world: World) -> None:
    gone, kept = member(world, stars=0), member(world, stars=0)
    made = world.do(merge.merge, MergeMembers(uuid4(), gone, kept, ADA, "one person"))
    world.do(programme_points.accrue, [Accrue(gone, 50, "tests/1", programme="stars")])
    placed = place(world, gone, 20)
    assert (placed.member, of(world, gone), of(world, kept)) == (kept, (30, 20), (30, 20))
    assert world.do(hold.change, [ReleaseHold(gone, placed.id)])[0].state is State.RELEASED
    world.do(merge.undo, UndoMerge(made.id, ADA, "two persons"))
    assert (of(world, gone), of(world, kept)) == ((0, 0), (50, 0))


def test_a_hold_of_another_programme_goes_along_with_a_merge(world: World) -> None:
    gone, kept = member(world), member(world)
    placed = place(world, gone, 30)
    made = world.do(merge.merge, MergeMembers(uuid4(), gone, kept, ADA, "one person"))
    assert (of(world, kept), of(world, kept, "default")) == ((170, 30), (200, 0))
    assert world.do(verification.ledger) == []
    world.do(merge.undo, UndoMerge(made.id, ADA, "two persons"))
    assert of(world, gone) == (70, 30)
    assert world.do(hold.change, [ConfirmHold(gone, placed.id)])[0].state is State.CONFIRMED
