"""Periods of benefits, by a table that a merchant can read."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.benefit_period import Period, days_later, span

TABLE = Path(__file__).parent / "vectors" / "benefit_periods.csv"
CALENDAR = [period for period in Period if period is not Period.TOTAL]
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def rows() -> list[dict[str, str]]:
    with TABLE.open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["case"])
def test_a_count_begins_where_the_table_says(row: dict[str, str]) -> None:
    found = span(Period(row["period"].upper()), instant(row["a use at"]), ZoneInfo(row["time zone"]))
    assert found == (instant(row["begins at"]), instant(row["begins anew at"]))


@given(MOMENTS, st.sampled_from(CALENDAR), st.sampled_from(sorted(available_timezones())))
def test_periods_follow_each_other_without_a_gap(moment: datetime, period: Period, zone: str) -> None:
    start, end = span(period, moment, ZoneInfo(zone))
    assert start <= moment < end
    assert span(period, start, ZoneInfo(zone)) == (start, end)
    assert span(period, end, ZoneInfo(zone))[0] == end


def test_days_later_is_the_same_time_of_day_whatever_the_clocks_do() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert days_later(instant("2026-03-28T11:00:00"), 1, berlin) == instant("2026-03-29T10:00:00")
