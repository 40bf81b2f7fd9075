"""Each alert fires when it should and is quiet when it should be, in Prometheus' own test runner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.observability.slo import SLOS
from tests.observability.promtool import ALERTS, Expected, fails

FOLDER = Path(__file__).with_name("alerts")
CASES: dict[str, dict[str, Any]] = {
    # As text: 0x4 is promtool's for five zeros, not a number.
    alert: case
    for file in sorted(FOLDER.glob("*.yaml"))
    for alert, case in yaml.load(file.read_text(), yaml.BaseLoader).items()
}
OF_OBJECTIVES = {name for name in ALERTS if any(name.startswith(f"{slo.camel}Budget") for slo in SLOS)}


def expectations(alert: str, case: dict[str, Any]) -> list[Expected]:
    """Everything that is written down about one alert."""
    everything = case.get("everything", {})
    found = [case[name] for name in case if name.startswith("fires")] + list(case["quiet"].values())
    return [Expected(alert, **(each | {"series": everything | each["series"]})) for each in found]


def test_each_alert_has_tests_of_both_kinds_and_no_test_is_of_none() -> None:
    assert set(CASES) == set(ALERTS) - OF_OBJECTIVES
    for alert, case in CASES.items():
        assert case["fires"]["summary"], alert
        assert case["quiet"], alert
        assert all("summary" not in each for each in case["quiet"].values()), alert


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_and_is_quiet(alert: str, tmp_path: Path) -> None:
    assert fails(expectations(alert, CASES[alert]), tmp_path) == ""


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    wrong = Expected("Oversold", {"stock_oversold_units": "0x4"}, "2m", summary="1 units are sold that are not there")

    assert "FAILED" in fails([wrong], tmp_path)
