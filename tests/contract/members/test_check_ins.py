"""Check-ins on a real database: a day counts once, however many tap at once, and limits hold."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from kit.errors import Fault
from services.members.domain.check_in import CheckIn
from services.members.domain.daily_limit import Origin
from services.members.usecases import check_in, engagement, programme
from services.members.usecases.check_in import Calendar, MakeUp, Month
from services.members.usecases.engagement import UpdateEngagementPolicy
from services.members.usecases.programme import UpdateProgramme
from tests.contract.members.conftest import World
from tests.contract.members.test_races import at_once
from tests.support.builders.engagement import TODAY, check_in_rules, limit, make_up


@pytest.fixture
def member(world: World) -> UUID:
    """A member of a programme with check-ins, three of whose days can be filled."""
    rule(world, check_in=check_in_rules(make_up=make_up()))
    (of,) = world.enrolled()
    return of


def rule(world: World, **rules: Any) -> None:
    world.do(engagement.update, UpdateEngagementPolicy(rules))


def tap(world: World, of: UUID, *, device: str = "", store: str = "") -> CheckIn:
    done: CheckIn = world.do(check_in.check_in, Origin(of, device, store))
    return done


def fill(world: World, of: UUID, day: date) -> CheckIn:
    done: CheckIn = world.do(check_in.make_up, MakeUp(of, day))
    return done


def a_day_later(world: World, count: int = 1) -> None:
    world.clock.move(timedelta(days=count))


def reason(of: Any) -> str:
    assert isinstance(of, Fault), of
    return of.reason


def test_a_week_of_check_ins_gives_a_point_a_day_and_the_bonus(world: World, member: UUID) -> None:
    streaks = []
    for _ in range(7):
        streaks.append(tap(world, member).streak)
        a_day_later(world)
    assert streaks == [1, 2, 3, 4, 5, 6, 7]
    assert world.wallet(member) == (17, 0, 0)
    subjects = [f"members/{member}/checkIns/{TODAY + timedelta(days=n)}" for n in range(7)]
    assert [subject for subject, _, _ in world.published("CheckedIn")] == subjects
    assert [source for (source,) in world.rows("select source from ledger_entries order by id")] == subjects


def test_forty_taps_at_once_count_once(world: World, member: UUID) -> None:
    outcomes = at_once([lambda: tap(world, member)] * 40)
    assert {outcome.streak for outcome in outcomes} == {1}
    assert world.wallet(member) == (1, 0, 0)
    assert len(world.published("CheckedIn")) == 1


def test_the_day_is_that_of_the_programme(world: World, member: UUID) -> None:
    world.do(programme.update, UpdateProgramme({"time_zone": "Pacific/Kiritimati"}))
    assert tap(world, member).day == TODAY + timedelta(days=1)


def test_a_filled_day_joins_two_streaks_and_gives_what_they_are_worth(world: World, member: UUID) -> None:
    for day in range(7):
        if day != 3:
            tap(world, member)
        a_day_later(world)
    filled = fill(world, member, TODAY + timedelta(days=3))
    assert (filled.streak, filled.points, filled.made_up) == (4, 10, True)
    assert fill(world, member, TODAY + timedelta(days=3)) == filled
    assert world.wallet(member) == (16, 0, 0)
    assert tap(world, member).streak == 8


def test_filling_a_day_costs_its_price_once_however_often_it_is_sent_at_once(world: World) -> None:
    rule(world, check_in=check_in_rules(make_up=make_up(price=30)))
    (of,) = world.enrolled(available=50)
    a_day_later(world)
    outcomes = at_once([lambda: fill(world, of, TODAY)] * 20)
    assert {outcome.day for outcome in outcomes} == {TODAY}
    assert world.wallet(of) == (20, 0, 0)


def test_who_cannot_pay_the_price_fills_nothing(world: World) -> None:
    rule(world, check_in=check_in_rules(make_up=make_up(price=30)))
    (of,) = world.enrolled(available=29)
    a_day_later(world)
    assert reason(at_once([lambda: fill(world, of, TODAY)])[0]) == "POINTS_INSUFFICIENT"
    assert world.rows("select 1 from check_ins") == []


def test_no_more_days_of_a_month_are_filled_than_may_be_even_at_once(world: World, member: UUID) -> None:
    a_day_later(world, 7)
    missed = [TODAY + timedelta(days=n) for n in range(6)]
    outcomes = at_once([lambda day=day: fill(world, member, day) for day in missed])  # type: ignore[misc]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Fault)]
    assert [reason(fault) for fault in refused] == ["MAKE_UPS_EXHAUSTED"] * 3
    shown: Calendar = world.do(check_in.calendar, Month(member, None))
    assert (len(shown.check_ins), shown.make_ups_left) == (3, 0)


def test_a_day_that_was_checked_in_cannot_be_filled(world: World, member: UUID) -> None:
    tap(world, member)
    a_day_later(world)
    assert reason(at_once([lambda: fill(world, member, TODAY)])[0]) == "CHECK_IN_DAY_INVALID"


def test_the_calendar_shows_a_month_and_the_streak_of_today(world: World, member: UUID) -> None:
    world.clock.move(timedelta(days=29))  # 30 March
    for _ in range(4):
        tap(world, member)
        a_day_later(world)
    march: Calendar = world.do(check_in.calendar, Month(member, TODAY))
    april: Calendar = world.do(check_in.calendar, Month(member, None))
    assert [each.day.day for each in march.check_ins] == [30, 31]
    assert [each.day.day for each in april.check_ins] == [1, 2]
    assert (april.streak, april.checked_in_today, april.first) == (4, False, date(2026, 4, 1))


def test_a_device_that_many_members_share_passes_no_limit(world: World) -> None:
    rule(world, check_in=check_in_rules(limits=(limit("DEVICE", count=5), limit("STORE", points=8))))
    many = world.enrolled(30)
    shared = at_once([lambda of=of: tap(world, of, device="phone") for of in many])  # type: ignore[misc]
    refused = [outcome for outcome in shared if isinstance(outcome, Fault)]
    assert [(fault.reason, fault.metadata["scope"]) for fault in refused] == [("DAILY_LIMIT_REACHED", "device")] * 25
    others = world.enrolled(10)
    in_store = at_once([lambda of=of: tap(world, of, store="tea-1", device=str(of)) for of in others])  # type: ignore[misc]
    assert sum(isinstance(outcome, Fault) for outcome in in_store) == 2
    assert sum(world.wallet(of)[0] for of in [*many, *others]) == 5 + 8
    a_day_later(world)
    assert tap(world, many[0], device="phone").points == 1


def test_a_limit_that_was_lowered_below_what_is_used_refuses_and_nothing_breaks(world: World) -> None:
    rule(world, check_in=check_in_rules(limits=(limit("DEVICE", count=5),)))
    many = world.enrolled(4)
    for of in many[:3]:
        tap(world, of, device="phone")
    rule(world, check_in=check_in_rules(limits=(limit("DEVICE", count=2),)))
    assert reason(at_once([lambda: tap(world, many[3], device="phone")])[0]) == "DAILY_LIMIT_REACHED"


def test_the_counters_of_a_week_ago_are_forgotten_and_name_no_device(world: World) -> None:
    rule(world, check_in=check_in_rules(limits=(limit("DEVICE", count=5),)))
    (of,) = world.enrolled()
    tap(world, of, device="phone")
    assert "phone" not in str(world.rows("select * from daily_uses"))
    a_day_later(world, 7)
    assert world.do(engagement.forget_counters) == 0
    a_day_later(world)
    assert world.do(engagement.forget_counters) == 1


def test_without_rules_nobody_checks_in_and_without_a_member_nothing_is_kept(world: World, member: UUID) -> None:
    assert reason(at_once([lambda: tap(world, uuid4())])[0]) == "MEMBER_NOT_FOUND"
    rule(world, check_in=None)
    assert reason(at_once([lambda: tap(world, member)])[0]) == "ENGAGEMENT_DISABLED"
    assert world.rows("select 1 from check_ins") == []
