"""Members give points to each other: nothing is won or lost, and nothing lives longer for it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.audit import Author
from services.members.domain.point_transfer import PointTransfer
from services.members.usecases import erasure, expiry, merge, point_transfer, points, purchase
from services.members.usecases.erasure import EraseMember
from services.members.usecases.merge import MergeMembers
from services.members.usecases.point_transfer import TransferPoints, UpdatePolicy
from services.members.usecases.points import LotsAsked, Spend
from tests.contract.members.conftest import World
from tests.contract.members.test_races import at_once
from tests.support.builders.members import settlement

ADA = Author("ada", "tests")


@pytest.fixture(autouse=True)
def allowed(world: World) -> None:
    world.do(point_transfer.update, UpdatePolicy(daily_limit=500, minimum=10))


def give(world: World, giver: UUID, to: UUID, count: int) -> Any:
    return world.do(point_transfer.transfer, [TransferPoints(uuid4(), giver, to, count)])[0]


def reason(outcome: Any) -> str:
    assert isinstance(outcome, Fault)
    return outcome.reason


def lots(world: World, of: UUID) -> list[tuple[int, datetime | None]]:
    return [(lot.available, lot.expire_time) for lot in world.do(points.lots, LotsAsked(of))]


def test_points_go_from_one_to_the_other(world: World) -> None:
    giver, friend = world.enrolled(2, available=100)
    made = give(world, giver, friend, 30)
    assert (made.member, made.recipient, made.points) == (giver, friend, 30)
    assert (world.wallet(giver), world.wallet(friend)) == ((70, 0, 0), (130, 0, 0))
    assert world.do(point_transfer.page, giver, Page(10)) == [made]
    assert world.do(point_transfer.page, friend, Page(10)) == []
    ((subject, version, _),) = world.published("PointsTransferred")
    assert (subject, version) == (made.source, 1)


def test_given_points_expire_when_they_would_have(world: World) -> None:
    giver, friend = world.enrolled(2, available=100)
    soon, late = world.clock.now + timedelta(days=1), world.clock.now + timedelta(days=9)
    world.rows("update ledger_lots set expire_time = :soon where owner = :giver returning id", soon=soon, giver=giver)
    world.do(points.accrue, [points.Accrue(giver, 50, "tests/2")])
    world.rows(
        "update ledger_lots set expire_time = :late where owner = :giver and source = 'tests/2' returning id",
        late=late,
        giver=giver,
    )
    give(world, giver, friend, 120)
    assert lots(world, giver) == [(30, late)]
    assert lots(world, friend) == [(100, soon), (20, late), (100, None)]
    world.clock.move(timedelta(days=1))
    world.do(expiry.expire)
    assert (world.wallet(giver), world.wallet(friend)) == ((30, 0, 0), (120, 0, 0))


def test_what_the_friend_owes_is_paid_first(world: World) -> None:
    giver, friend = world.enrolled(1, available=100)[0], world.enrolled(1)[0]
    bought = settlement(friend, net=40)
    world.do(purchase.settle, [bought])
    world.do(points.spend, [Spend(friend, 40, "")])
    world.do(purchase.settle, [settlement(friend, net=0, version=2, order=bought.order)])
    assert world.wallet(friend) == (0, 0, 40)
    give(world, giver, friend, 70)
    assert world.wallet(friend) == (30, 0, 0)


def test_no_more_a_day_than_the_policy_lets(world: World) -> None:
    giver, friend = world.enrolled(2, available=2000)
    commands = [TransferPoints(uuid4(), giver, friend, count) for count in (300, 250, 200, 9)]
    outcomes = world.do(point_transfer.transfer, commands)
    assert [isinstance(each, PointTransfer) for each in outcomes] == [True, False, True, False]
    assert {reason(outcomes[1]), reason(outcomes[3])} == {"POINT_TRANSFER_REFUSED"}
    world.clock.move(timedelta(hours=11, minutes=59, seconds=59))
    assert reason(give(world, giver, friend, 10)) == "POINT_TRANSFER_REFUSED"
    world.clock.move(timedelta(seconds=1))  # midnight in UTC
    assert isinstance(give(world, giver, friend, 500), PointTransfer)


def test_who_may_not_or_cannot_give_gives_nothing(world: World) -> None:
    giver, friend, gone = world.enrolled(3, available=100)
    world.do(erasure.erase, EraseMember(gone, ADA, "asked for"))
    for outcome, wanted in (
        (give(world, giver, giver, 10), "POINT_TRANSFER_REFUSED"),
        (give(world, giver, friend, 101), "POINTS_INSUFFICIENT"),
        (give(world, giver, uuid4(), 10), "MEMBER_NOT_FOUND"),
        (give(world, uuid4(), friend, 10), "MEMBER_NOT_FOUND"),
        (give(world, giver, gone, 10), "MEMBER_ERASED"),
    ):
        assert reason(outcome) == wanted
    world.do(point_transfer.update, UpdatePolicy(daily_limit=0, minimum=None))
    assert reason(give(world, giver, friend, 10)) == "POINT_TRANSFER_REFUSED"
    assert {world.wallet(each) for each in (giver, friend, gone)} == {(100, 0, 0)}
    assert world.rows("select 1 from point_transfers") == []


def test_two_names_of_one_member_are_one(world: World) -> None:
    giver, friend, other = world.enrolled(3, available=100)
    give(world, giver, friend, 10)
    world.do(merge.merge, MergeMembers(uuid4(), giver, friend, ADA, "the same person"))
    assert reason(give(world, giver, friend, 10)) == "POINT_TRANSFER_REFUSED"
    assert give(world, giver, other, 150).member == friend
    assert world.wallet(friend) == (50, 0, 0)
    assert len(world.do(point_transfer.page, giver, Page(10))) == 2


def test_many_who_give_to_each_other_at_once_lose_and_win_nothing(world: World) -> None:
    ids = world.enrolled(6, available=1000)
    pairs = [(ids[n % 6], ids[(n * 5 + 1) % 6]) for n in range(60)]
    outcomes = at_once([lambda a=a, b=b: give(world, a, b, 50) for a, b in pairs if a != b])  # type: ignore[misc]
    assert {reason(each) for each in outcomes if isinstance(each, Exception)} <= {"POINT_TRANSFER_REFUSED"}
    given = Counter(each.member for each in outcomes if isinstance(each, PointTransfer))
    assert max(given.values()) <= 10
    assert sum(world.wallet(each)[0] for each in ids) == 6000


def test_the_daily_limit_holds_against_many_hands(world: World) -> None:
    giver, friend = world.enrolled(2, available=2000)
    outcomes = at_once([lambda: give(world, giver, friend, 100)] * 30)
    assert sum(isinstance(each, PointTransfer) for each in outcomes) == 5
    assert world.wallet(friend) == (2500, 0, 0)
