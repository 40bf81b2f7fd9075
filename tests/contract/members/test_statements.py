"""Statements on a real database: opening plus entries is closing, whatever happened."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from kit.page import Page
from services.members.domain.statement import Line, Period
from services.members.usecases import hold, points, statement
from services.members.usecases.statement import ReadStatement
from tests.contract.members.conftest import World
from tests.support.builders.members import NOW

HOUR = timedelta(hours=1)


def read(world: World, member: UUID, start: datetime | None = None, end: datetime | None = None, **page: Any) -> Any:
    page = {"size": 50, "after": None, **page}
    return world.do(statement.read, ReadStatement(member, "points", start, end), Page(page["size"], page["after"]))


def effect(lines: list[Line]) -> Counter[str]:
    """What the lines do to each account."""
    moved: Counter[str] = Counter()
    for line in lines:
        moved[line.credit] += line.amount
        moved[line.debit] -= line.amount
    return moved


def ties(period: Period, lines: list[Line]) -> bool:
    moved = effect(lines)
    return all(period.opening[kind] + moved[kind] == balance for kind, balance in period.closing.items())


@pytest.fixture
def busy(world: World) -> UUID:
    """Somebody to whom something happens every hour."""
    (member,) = world.enrolled()
    world.do(points.accrue, [points.Accrue(member, 100, "orders/1")])
    world.clock.move(HOUR)
    world.do(hold.change, [hold.PlaceHold(uuid4(), member, 30, "orders/2", 24 * HOUR)])
    world.clock.move(HOUR)
    world.do(points.spend, [points.Spend(member, 20, "rewards/1")])
    world.clock.move(HOUR)
    world.do(points.accrue, [points.Accrue(member, 7, "orders/3")])
    return member


def test_the_whole_statement_begins_at_nothing_and_ends_at_the_balances(world: World, busy: UUID) -> None:
    world.clock.move(HOUR)
    period, lines = read(world, busy)
    assert set(period.opening.values()) == {0}
    assert period.closing == {"pending": 0, "available": 57, "held": 30, "receivable": 0}
    assert [line.kind for line in lines] == ["ACCRUAL", "HOLD", "SPEND", "ACCRUAL"]
    assert ties(period, lines)


@pytest.mark.parametrize("start", range(5))
@pytest.mark.parametrize("length", range(5))
def test_any_period_ties_and_is_half_open(world: World, busy: UUID, start: int, length: int) -> None:
    period, lines = read(world, busy, NOW + start * HOUR, NOW + (start + length) * HOUR)
    assert len(lines) == min(start + length, 4) - min(start, 4)
    assert ties(period, lines)


def test_one_statement_ends_where_the_next_begins(world: World, busy: UUID) -> None:
    first, _ = read(world, busy, None, NOW + 2 * HOUR)
    second, _ = read(world, busy, NOW + 2 * HOUR, None)
    assert first.closing == second.opening


def test_pages_show_each_entry_once_between_the_same_balances(world: World, busy: UUID) -> None:
    world.clock.move(HOUR)
    whole, lines = read(world, busy)
    seen: list[Line] = []
    after = None
    while True:
        period, found = read(world, busy, size=1, after=after)
        assert period == whole
        seen += found[:1]
        if len(found) < 2:
            break
        after = (str(found[0].id),)
    assert seen == lines


def test_a_period_that_ends_before_it_begins_is_refused(world: World, busy: UUID) -> None:
    with pytest.raises(Fault, match="end_time"):
        read(world, busy, NOW, NOW - HOUR)


def test_who_is_no_member_and_what_is_no_unit_is_told(world: World, busy: UUID) -> None:
    with pytest.raises(Fault) as nobody:
        read(world, uuid4())
    with pytest.raises(Fault) as nothing:
        world.do(statement.read, ReadStatement(busy, "pints"), Page(50))
    assert (nobody.value.reason, nothing.value.reason) == ("MEMBER_NOT_FOUND", "ACCOUNT_UNIT_NOT_FOUND")
