"""What the clock does to points, and who is told before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.posting import Cause
from services.members.domain.points import Terms
from services.members.domain.programme import Rate
from services.members.domain.validity import Availability, Expiry, Start, Validity
from services.members.usecases import expiry, point_transfer, points, programme, purchase
from services.members.usecases.points import Batch
from tests.contract.members.conftest import World
from tests.support.builders.members import dollars, settlement
from tests.support.builders.members import programme as default_programme


def grant(world: World, of: UUID, count: int, ends: datetime) -> None:
    """Points that expire at an instant."""

    def earn(unit: Any) -> None:
        batch = Batch(unit, [of])
        cause = Cause("ACCRUAL", f"tests/{uuid4()}", unit.now)
        batch.earn(batch.wallet(of), count, cause, Terms(unit.now, ends))
        batch.close()

    world.do(earn)


def told(world: World) -> list[tuple[str, int]]:
    """Whom the events tell of how many points."""
    return sorted(
        (json.loads(payload)["member"].split("/")[1], int(json.loads(payload)["points"]))
        for _, _, payload in world.published("PointsExpiring")
    )


def test_members_are_told_once_of_points_that_expire_within_the_days_of_notice(world: World) -> None:
    soon, later, never = world.enrolled(3, available=1)
    grant(world, soon, 5, world.clock.now + timedelta(days=10))
    grant(world, soon, 2, world.clock.now + timedelta(days=10))
    grant(world, later, 7, world.clock.now + timedelta(days=31))
    assert world.do(expiry.announce) == 1
    assert world.do(expiry.announce) == 0
    assert told(world) == [(str(soon), 7)]
    world.clock.move(timedelta(days=2))
    world.do(expiry.announce)
    assert told(world) == sorted([(str(soon), 7), (str(later), 7)])
    assert str(never) not in str(world.published("PointsExpiring"))


def test_a_thousand_members_whose_points_expire_at_one_instant_are_told_once_each(world: World) -> None:
    ids = world.enrolled(1_100)
    world.do(programme.update, programme.UpdateProgramme({"validity": Validity(Expiry.END_OF_DAY, 40)}))
    world.do(points.accrue, [points.Accrue(of, 3, "tests/1") for of in ids])
    world.clock.move(timedelta(days=15))
    while world.do(expiry.announce):
        pass
    assert told(world) == sorted((str(of), 3) for of in ids)


def swept(world: World) -> None:
    """Let the announcements of some days come by, once a day."""
    for _ in range(12):
        while world.do(expiry.announce):
            pass
        world.clock.move(timedelta(days=1))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("start", Start)
def test_of_points_that_are_good_for_less_than_the_notice_the_member_is_told_once(
    world: World, start: Start, late: bool
) -> None:
    stars = replace(default_programme(earn=Rate(2, dollars(1))), id="stars", tiers=())
    world.do(programme.create, stars)
    rules = {"validity": Validity(Expiry.DAYS, 3), "availability": Availability(start, 2), "expiry_notice_days": 4}
    for id_ in ("default", "stars"):
        world.do(programme.update, programme.UpdateProgramme(rules, programme=id_))
    (of,) = world.enrolled()
    if late:  # the position of the sweep is ahead, or there is none yet
        world.do(expiry.announce)
    paid = settlement(of, net=5, pay_time=world.clock.now)
    world.do(purchase.settle, [paid])
    if start is Start.COMPLETION:
        assert told(world) == []
    world.do(purchase.settle, [replace(paid, complete_time=world.clock.now)])
    assert told(world) == [(str(of), 5), (str(of), 10)]
    subjects = {subject for subject, _, _ in world.published("PointsExpiring")}
    assert len(subjects) == 2
    swept(world)
    assert told(world) == [(str(of), 5), (str(of), 10)]


@pytest.mark.parametrize("days", [4, 5])
def test_points_that_are_good_for_as_long_as_the_notice_or_longer_are_told_of_once(world: World, days: int) -> None:
    rules = {"validity": Validity(Expiry.DAYS, days), "expiry_notice_days": 4}
    world.do(programme.update, programme.UpdateProgramme(rules))
    (of,) = world.enrolled()
    world.do(expiry.announce)
    world.do(points.accrue, [points.Accrue(of, 3, "tests/1")])
    assert len(told(world)) == (days == 4)
    swept(world)
    assert told(world) == [(str(of), 3)]


def test_who_is_given_points_that_expire_soon_is_told(world: World) -> None:
    giver, taker = world.enrolled(2)
    world.do(programme.update, programme.UpdateProgramme({"validity": Validity(Expiry.DAYS, 40)}))
    world.do(points.accrue, [points.Accrue(giver, 5, "tests/1")])
    world.clock.move(timedelta(days=20))
    world.do(point_transfer.update, point_transfer.UpdatePolicy(100, 1))
    given = world.do(point_transfer.transfer, [point_transfer.TransferPoints(uuid4(), giver, taker, 5)])
    assert not isinstance(given[0], Fault)
    assert told(world) == [(str(taker), 5)]


def test_nobody_is_told_where_the_programme_gives_no_notice(world: World) -> None:
    (of,) = world.enrolled()
    grant(world, of, 5, world.clock.now + timedelta(days=1))
    world.do(programme.update, programme.UpdateProgramme({"expiry_notice_days": 0}))
    assert world.do(expiry.announce) == 0


@pytest.mark.parametrize(("hours", "left"), [(23, 5), (24, 0)])
def test_points_are_gone_at_their_instant_whether_or_not_the_sweep_has_been(
    world: World, hours: int, left: int
) -> None:
    (of,) = world.enrolled()
    grant(world, of, 5, world.clock.now + timedelta(days=1))
    world.clock.move(timedelta(hours=hours))
    assert world.wallet(of) == (left, 0, 0)
    world.do(expiry.expire)
    assert world.wallet(of) == (left, 0, 0)


def test_a_balance_of_the_past_is_what_it_was_then(world: World) -> None:
    (of,) = world.enrolled(available=10)
    grant(world, of, 5, world.clock.now + timedelta(days=1))
    first = world.clock.now
    world.clock.move(timedelta(hours=1))
    world.do(points.spend, [points.Spend(of, 8, "")])
    second = world.clock.now
    world.clock.move(timedelta(days=2))
    world.do(expiry.expire)
    assert world.do(points.balance_at, of, first).available == 15
    past = world.do(points.balance_at, of, second)
    assert (past.available, [lot.available for lot in past.lots]) == (7, [7])
    assert world.do(points.balance_at, of, first - timedelta(seconds=1)).available == 0
