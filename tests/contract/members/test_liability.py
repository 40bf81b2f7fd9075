"""The liability report on a real database: it ties to the ledger at every instant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from services.members.domain.liability import Liability, Slice
from services.members.usecases import hold, liability, points
from tests.contract.members.conftest import World
from tests.support.builders.members import NOW, programme

HOUR = timedelta(hours=1)


def report(world: World, time: datetime | None = None) -> Liability:
    found: Liability = world.do(liability.report, time)
    return found


def of_points(found: Liability) -> Any:
    return next(total for total in found.totals() if total.unit == "points")


def assigned(world: World, statement: str, **values: Any) -> None:
    world.do(lambda unit: unit.connection.execute(text(statement), values))


@pytest.fixture
def history(world: World) -> list[Callable[[], object]]:
    """Something happens every hour, the first thing at NOW."""
    north, south = world.enrolled(2)
    assigned(world, "update members set home_store = 'north' where id = :id", id=north)
    steps: list[Callable[[], object]] = [
        lambda: world.do(points.accrue, [points.Accrue(north, 100, "orders/1"), points.Accrue(south, 50, "orders/2")]),
        lambda: world.do(hold.change, [hold.PlaceHold(uuid4(), north, 30, "orders/3", timedelta(days=9))]),
        lambda: world.do(points.spend, [points.Spend(south, 20, "rewards/1")]),
        lambda: world.do(points.accrue, [points.Accrue(north, 7, "orders/4")]),
    ]
    for step in steps:
        step()
        world.clock.move(HOUR)
    return steps


def test_what_is_outstanding_ties_to_both_sides(world: World, history: object) -> None:
    found = report(world)
    total = of_points(found)
    assert total.members == {"pending": 0, "available": 107, "held": 30, "receivable": 0}
    assert total.house == {"expense": -157, "clearing": 20, "breakage": 0}
    assert (total.outstanding, total.balanced) == (137, True)
    assert all(each.balanced for each in found.totals())


def test_rows_are_divided_as_asked_and_always_sum_to_the_same(world: World, history: object) -> None:
    found = report(world)
    for by_month in (False, True):
        for by_store in (False, True):
            rows = [row for row, _ in found.rows(by_month=by_month, by_store=by_store)]
            assert sum(row.total for row in rows) == 137
    stores = {row.store: (row.available, row.held) for row, _ in found.rows(by_month=False, by_store=True)}
    assert stores == {"north": (77, 30), "": (30, 0)}


@pytest.mark.parametrize(("hours", "outstanding"), [(-1, 0), (0, 150), (1, 150), (2, 130), (3, 137)])
def test_any_past_instant_is_told_as_it_was(world: World, history: object, hours: int, outstanding: int) -> None:
    found = report(world, NOW + hours * HOUR)
    total = of_points(found)
    assert (total.outstanding, total.balanced) == (outstanding, True)
    assert sum(row.total for row, _ in found.rows(by_month=True, by_store=True)) == outstanding


def test_the_future_is_the_present(world: World, history: object) -> None:
    assert report(world, NOW + 1000 * HOUR).time == world.clock.now


def test_points_that_expire_at_midnight_expire_in_the_month_that_ends(world: World, history: object) -> None:
    assigned(world, "update ledger_lots set expire_time = '2026-06-01T00:00:00Z' where available > 40")
    assigned(world, "update ledger_lots set expire_time = '2026-06-01T00:00:01Z' where available = 30")
    months = {row.month: row.total for row, _ in report(world).rows(by_month=True, by_store=False)}
    assert months == {"2026-05": 100, "2026-06": 30, "never": 7}


def test_the_worth_follows_the_programme() -> None:
    slices = [Slice("points", "never", "a", 0, 150, 0), Slice("points", "never", "b", 99, 0, 0)]
    found = Liability(
        NOW, slices, {("points", "available"): 249}, {("points", "expense"): -249}, {"points": programme()}
    )
    assert [(row.store, value.minor) for row, value in found.rows(by_month=False, by_store=True)] == [
        ("a", 150),
        ("b", 99),
    ]
    assert [(total.value.minor, total.balanced) for total in found.totals() if total.value] == [(249, True)]
