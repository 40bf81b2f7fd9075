"""The tier schemes against golden vectors that a merchant can read: `vectors/tiers_*.csv`.

Silver takes 100, gold 250, platinum 500. Times without an offset are those of the zone.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.members.domain.programme import Programme
from services.members.domain.tier import Gain, tier_history
from services.members.domain.tier_scheme import Downgrade, Metric, TierScheme, Window
from tests.support.builders.tiers import ladder

FILES = sorted((Path(__file__).parent / "vectors").glob("tiers_*.csv"))
_HAPPENING = re.compile(r"(?P<time>\S+ \S+) (?P<verb>buys|gains|loses) (?P<amount>\d+)(?: returns (?P<returned>\d+))?")


def rows() -> list[tuple[str, dict[str, str]]]:
    found = []
    for path in FILES:
        with path.open(encoding="utf-8", newline="") as lines:
            window = path.stem.removeprefix("tiers_")
            found += [(window, row) for row in csv.DictReader(lines)]
    return found


def moment(text: str, zone: ZoneInfo) -> datetime:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC)


def gain(text: str, programme: Programme) -> Gain:
    found = _HAPPENING.fullmatch(text)
    assert found, text
    left = int(found["amount"]) - int(found["returned"] or 0)
    unit = 100 if programme.scheme.metric is Metric.SPENT else 1
    return Gain(moment(found["time"], programme.zone), -left if found["verb"] == "loses" else left * unit)


def test_there_is_a_file_for_every_window() -> None:
    assert {path.stem.removeprefix("tiers_").upper() for path in FILES} == set(Window)


@pytest.mark.parametrize(("window", "row"), [pytest.param(*row, id=f"{row[0]}: {row[1]['case']}") for row in rows()])
def test_the_tiers_are_those_of_the_vector(window: str, row: dict[str, str]) -> None:
    downgrade, days = Downgrade(row["downgrade"].upper()), int(row["grace_days"])
    scheme = TierScheme(Metric(row["metric"].upper()), Window(window.upper()), downgrade, days)
    programme = ladder(scheme, time_zone=row["zone"])
    joined = moment(row["joined"], programme.zone) if row["joined"] else None
    gains = [gain(text, programme) for text in row["what happens"].split("; ")]
    changes = tier_history(reversed(gains), programme, joined)
    told = [f"{change.time.astimezone(programme.zone)} {change.to_tier}" for change in changes]
    assert "; ".join(told) == row["tiers"]
