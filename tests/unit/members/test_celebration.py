"""Which birthdays are celebrated when, and when a profile is complete."""

from __future__ import annotations

import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.celebration import BirthdayRules, LeapDay, ProfileField, ProfileRules
from tests.support.builders.members import profile

VECTORS = Path(__file__).parents[2] / "vectors" / "members" / "birthdays.toml"
CASES = tomllib.loads(VECTORS.read_text())["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["title"])
def test_birthdays_are_celebrated_as_the_vectors_say(case: dict[str, Any]) -> None:
    rules = BirthdayRules(100, LeapDay(case.get("leap_day", "FEBRUARY_28")))
    for line in case["moments"]:
        moment, celebrated = (part.strip() for part in line.split("|"))
        today = datetime.fromisoformat(moment).astimezone(ZoneInfo(case["zone"])).date()
        assert (case["birthday"] in rules.celebrated(today).birthdays) == (celebrated == "yes"), line


@given(st.sampled_from(LeapDay), st.integers(1, 9998), st.dates(date(2000, 1, 1), date(2000, 12, 31)))
def test_every_birthday_is_celebrated_once_in_every_year(leap_day: LeapDay, year: int, born: date) -> None:
    rules = BirthdayRules(100, leap_day)
    first = date(year, 1, 1)
    whole = (first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days))
    assert sum(f"{born:%m-%d}" in rules.celebrated(day).birthdays for day in whole) == 1


def test_a_sweep_that_was_away_looks_back_over_the_turn_of_the_year() -> None:
    days = [celebration.day for celebration in BirthdayRules(100).lately(date(2027, 1, 2), 3)]
    assert days == [date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2)]


def test_a_profile_is_complete_when_all_that_is_asked_for_is_there() -> None:
    rules = ProfileRules(50, (ProfileField.PHONE, ProfileField.BIRTHDAY))
    assert not rules.complete(profile())
    assert not rules.complete(profile(phone="+8613800138000"))
    assert rules.complete(profile(phone="+8613800138000", birthday="0000-02-29"))
