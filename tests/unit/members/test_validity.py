"""From when and until when points count: a table that a merchant can read, and what holds for every date."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.members.domain.validity import Availability, Expiry, Start, Validity

_VECTORS = Path(__file__).parent / "vectors" / "expiry.csv"
_ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/New_York", "America/Santiago", "Pacific/Apia"]
_TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds only


def _vectors() -> list[dict[str, str]]:
    with _VECTORS.open(newline="") as file:
        return list(csv.DictReader(file))


def _wall(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize("vector", _vectors(), ids=lambda vector: vector["what"])
def test_points_expire_as_the_table_says(vector: dict[str, str]) -> None:
    zone = ZoneInfo(vector["zone"])
    expiry, count = vector["validity"].split()
    ends = Validity(Expiry(expiry), int(count)).ends(_wall(vector["granted"], zone).astimezone(UTC), zone)
    if vector["expires"] == "never":
        assert ends is None
    else:
        assert ends is not None
        assert ends.astimezone(zone).replace(tzinfo=None) == datetime.fromisoformat(vector["expires"])


@given(
    _TIMES,
    st.sampled_from(_ZONES),
    st.sampled_from([each for each in Expiry if each != Expiry.NEVER]),
    st.integers(1, 40),
)
def test_points_always_count_for_a_while_and_a_longer_validity_never_ends_earlier(
    granted: datetime, zone: str, expiry: Expiry, count: int
) -> None:
    place = ZoneInfo(zone)
    ends, later = (Validity(expiry, each).ends(granted, place) for each in (count, count + 1))
    assert ends is not None
    assert later is not None
    assert granted < ends <= later


@given(_TIMES, st.sampled_from(_ZONES), st.sampled_from([Expiry.END_OF_DAY, Expiry.END_OF_MONTH, Expiry.END_OF_YEAR]))
def test_the_end_of_a_period_is_the_first_instant_of_the_next_one(granted: datetime, zone: str, expiry: Expiry) -> None:
    place = ZoneInfo(zone)
    ends = Validity(expiry, 0).ends(granted, place)
    assert ends is not None
    before = (ends - timedelta(microseconds=1)).astimezone(place)
    after = ends.astimezone(place)
    assert before.date() < after.date()


def test_points_wait_as_long_as_the_programme_says() -> None:
    zone = ZoneInfo("Europe/Berlin")
    bought = _wall("2026-03-28 12:00:00", zone).astimezone(UTC)
    done = bought + timedelta(days=3)
    assert Availability().begins(bought, None, zone) == bought
    assert Availability(Start.DAYS, 1).begins(bought, None, zone) == _wall("2026-03-29 12:00:00", zone)
    assert Availability(Start.COMPLETION).begins(bought, None, zone) is None
    assert Availability(Start.COMPLETION).begins(bought, done, zone) == done


@pytest.mark.parametrize("expiry", [each for each in Expiry if each is not Expiry.NEVER])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Asia/Shanghai"])
def test_the_longest_validity_ends_within_the_calendar_whenever_it_begins(expiry: Expiry, zone: str) -> None:
    longest = Validity(expiry, Validity(expiry).longest)
    for year in (1970, 2026, 2099):
        start = datetime(year, 12, 31, 23, 59, tzinfo=UTC)
        ends = longest.ends(start, ZoneInfo(zone))
        assert ends is not None
        assert timedelta(days=36_490) <= ends - start <= timedelta(days=36_900)
