"""Streaks follow from the days alone."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import Fault
from services.members.domain.check_in import CheckIn, CheckInRules, MissedDay, check_make_up
from tests.support.builders.engagement import TODAY, check_in_rules, days, limit, make_up
from tests.support.builders.members import MEMBER, NOW

VECTORS = Path(__file__).parents[2] / "vectors" / "members" / "check_ins.toml"
CASES = tomllib.loads(VECTORS.read_text())["case"]

calendars = st.sets(st.integers(0, 60)).map(lambda offsets: days(*offsets))
rules = st.builds(
    check_in_rules,
    bonuses=st.dictionaries(st.integers(1, 5), st.integers(1, 9), max_size=3),
    cycle=st.sampled_from([0, 5, 7]),
    missed=st.sampled_from(MissedDay),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["title"])
def test_check_ins_give_what_the_vectors_say(case: dict[str, Any]) -> None:
    bonuses = {int(day): points for day, points in case.get("bonuses", {"7": 10, "30": 50}).items()}
    terms = check_in_rules(bonuses=bonuses, cycle=case.get("cycle", 0), missed=MissedDay(case.get("missed", "RESET")))
    known: set[date] = set()
    for tap in case["taps"]:
        moment, day, streak, points = (part.strip() for part in tap.split("|"))
        today = datetime.fromisoformat(moment).astimezone(ZoneInfo(case["zone"])).date()
        done = CheckIn.today(MEMBER, today, known, rules=terms, now=NOW)
        given_points = 0 if today in known else done.points
        known.add(today)
        assert (str(today), done.streak, given_points) == (day, int(streak), int(points)), tap


def day(offset: int) -> date:
    (only,) = days(offset)
    return only


def naive(terms: CheckInRules, calendar: set[date]) -> dict[date, int]:
    """The streaks as somebody would count them who crosses off one day of a calendar after the other."""
    found, count = {}, 0
    today, last = min(calendar, default=TODAY), max(calendar, default=TODAY)
    while today <= last:
        if today in calendar:
            count = count + 1 if not terms.cycle_days or count < terms.cycle_days else 1
            found[today] = count
        elif terms.missed_day is MissedDay.RESET:
            count = 0
        today += timedelta(days=1)
    return found


@given(rules, calendars)
def test_streaks_are_what_crossing_off_days_gives(terms: CheckInRules, calendar: set[date]) -> None:
    assert terms.streaks(calendar) == naive(terms, calendar)


@given(rules, calendars)
def test_checking_in_day_by_day_gives_what_the_whole_is_worth(terms: CheckInRules, calendar: set[date]) -> None:
    known: set[date] = set()
    total = 0
    for today in sorted(calendar):
        total += CheckIn.today(MEMBER, today, known, rules=terms, now=NOW).points
        known.add(today)
    assert total == len(calendar) * terms.points + terms.bonuses_of(calendar)


@given(rules, calendars, st.integers(0, 60))
def test_a_filled_day_never_takes_points_away(terms: CheckInRules, calendar: set[date], missed: int) -> None:
    filled = CheckIn.fill(MEMBER, day(missed), calendar - days(missed), rules=terms, now=NOW)
    assert filled.points == filled.bonus >= 0
    assert filled.made_up


def test_a_filled_day_gives_the_bonus_that_the_joined_streak_reaches() -> None:
    filled = CheckIn.fill(MEMBER, day(3), days(0, 1, 2, 4, 5, 6), rules=check_in_rules(), now=NOW)
    assert (filled.streak, filled.points) == (4, 10)


def test_a_filled_day_before_a_streak_with_its_bonus_gives_it_no_second_time() -> None:
    filled = CheckIn.fill(MEMBER, day(0), days(*range(1, 8)), rules=check_in_rules(), now=NOW)
    assert filled.points == 0


@pytest.mark.parametrize(
    ("checked_in", "today", "streak"),
    [((), 5, 0), ((5,), 5, 1), ((3, 4), 5, 2), ((2, 3), 5, 0), ((3, 4, 5), 5, 3), ((6,), 5, 0)],
)
def test_the_streak_as_it_stands_waits_for_today(checked_in: tuple[int, ...], today: int, streak: int) -> None:
    assert check_in_rules().streak(days(*checked_in), day(today)) == streak


def test_a_streak_that_goes_on_waits_for_ever() -> None:
    assert check_in_rules(missed=MissedDay.CONTINUE).streak(days(1, 2), day(300)) == 2


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (CheckInRules(1, (*check_in_rules().bonuses, *check_in_rules().bonuses)), "policy.check_in.bonuses[1].day"),
        (check_in_rules(cycle=6), "policy.check_in.bonuses[0].day"),
        (check_in_rules(missed=MissedDay.CONTINUE, make_up=make_up()), "policy.check_in.make_up"),
        (check_in_rules(limits=(limit("STORE", count=1), limit("STORE", points=1))), "policy.check_in.limits[1].scope"),
        (check_in_rules(limits=(limit("STORE"),)), "policy.check_in.limits[0]"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(terms: CheckInRules, field: str) -> None:
    with pytest.raises(Fault) as caught:
        terms.check("check_in")
    assert caught.value.reason == "ENGAGEMENT_INVALID"
    assert [violation.field for violation in caught.value.violations] == [field]


@pytest.mark.parametrize(
    ("ago", "made_up", "reason"),
    [
        (0, 0, "CHECK_IN_DAY_INVALID"),
        (-1, 0, "CHECK_IN_DAY_INVALID"),
        (8, 0, "CHECK_IN_DAY_INVALID"),
        (6, 0, "CHECK_IN_DAY_INVALID"),
        (1, 3, "MAKE_UPS_EXHAUSTED"),
    ],
)
def test_a_day_that_cannot_be_filled_says_why(ago: int, made_up: int, reason: str) -> None:
    missed, joined = TODAY - timedelta(days=ago), TODAY - timedelta(days=5)
    with pytest.raises(Fault) as caught:
        check_make_up(make_up(), missed, today=TODAY, joined=joined, made_up=made_up)
    assert caught.value.reason == reason
