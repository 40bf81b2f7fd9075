"""The report in a real browser: every chart is drawn, nothing fails, nothing is fetched, and it looks well."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from cli.demo import report
from cli.demo.latency import Latency
from cli.demo.reckoning import compare, none_of
from cli.demo.report_data import POINTS_EDGES, Cohorts, Data, Flow, Weeks
from cli.demo.scene import Check
from tests.support.waiting import until

pytestmark = pytest.mark.browser

CHARTS = ("revenue", "rfm", "tiers", "points", "cohorts", "funnel", "flow", "latency")
LINE = "RECONCILED customers=3 orders=9 items=12 revenue=45.00 points=41 tiers=2 events_lost=0 effects_duplicated=0"


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, without a window."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "Debian's package chromium is missing"
    assert driver, "Debian's package chromium-driver is missing"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", "--window-size=1440,2300"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


def data() -> Data:
    """A little of everything."""
    months = [date(1997, month, 1) for month in range(1, 7)]
    return Data(
        weeks=Weeks([date(1997, 1, 6), date(1997, 1, 13)], [5, 4], [25.0, 20.0]),
        rfm={(1, 1, 1): 2, (5, 5, 5): 1},
        tiers={"silver": [1, 2, 3, 3, 2, 1], "gold": [0, 1, 1, 1, 0, 0], "platinum": [0, 0, 1, 1, 0, 0]},
        tier_months=months,
        points=[1] * len(POINTS_EDGES),
        cohorts=Cohorts(["1997-01"], [3], [[1.0, 0.5, 0.25, None]]),
        funnel=[("LEADS", 9), ("QUALIFY", 7), ("WON", 2)],
        flow=Flow([0, 1, 2], [3, 3, 3], [0, 4, 5], [0, 3, 6]),
    )


def write(path: Path, *, line: str = LINE, found: Data | None = None, latencies: list[Latency] | None = None) -> None:
    """A report of these data."""
    facts = report.Facts(
        line=line,
        figures=[("3", "customers", "客户"), ("<b>9</b>", "orders", "订单")],
        comparisons=[compare("orders", 9, 9 if line == LINE else 8), none_of("orders that are there twice", {})],
        checks=[Check("a member joins", True, "members/1"), Check("a coupon is used", line == LINE, "STATE_ISSUED")],
        latencies=latencies if latencies is not None else [Latency("members", (0.1, 0.2, 0.9))],
        latency_note="Single orders.",
        made=datetime(2026, 11, 21, 22, 0, tzinfo=UTC),
    )
    report.write(path, found or data(), facts)


def open_report(browser: webdriver.Chrome, path: Path) -> None:
    browser.get(path.as_uri())
    until(lambda: browser.execute_script("return document.querySelectorAll('.main-svg').length >= 8"))


def faults(browser: webdriver.Chrome) -> list[str]:
    """What the page complains about."""
    entries = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


def test_every_chart_is_drawn_and_nothing_fails(browser: webdriver.Chrome, tmp_path: Path) -> None:
    write(tmp_path / "report.html")
    open_report(browser, tmp_path / "report.html")
    for chart in CHARTS:
        marks = browser.execute_script(
            "return document.querySelectorAll(`#chart-${arguments[0]} .main-svg path`).length", chart
        )
        assert marks > 0, chart
    assert faults(browser) == []


def test_the_page_holds_everything_it_shows(browser: webdriver.Chrome, tmp_path: Path) -> None:
    write(tmp_path / "report.html")
    open_report(browser, tmp_path / "report.html")
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert fetched == []
    assert (tmp_path / "report.html").read_text().count("plotly.js v") == 1


def test_the_verdict_the_figures_and_every_check_can_be_read(browser: webdriver.Chrome, tmp_path: Path) -> None:
    write(tmp_path / "report.html")
    open_report(browser, tmp_path / "report.html")
    text = browser.find_element("tag name", "body").text
    for words in (LINE, "a member joins", "orders that are there twice", "<b>9</b>", "客户"):
        assert words in text
    assert "✗" not in text


def test_what_does_not_hold_is_told_with_its_reason(browser: webdriver.Chrome, tmp_path: Path) -> None:
    write(tmp_path / "report.html", line="NOT RECONCILED")
    open_report(browser, tmp_path / "report.html")
    text = browser.find_element("tag name", "body").text
    for words in ("NOT RECONCILED", "8 is not 9", "STATE_ISSUED", "✗"):
        assert words in text


def test_an_empty_suite_has_a_report_too(browser: webdriver.Chrome, tmp_path: Path) -> None:
    empty = Data(
        weeks=Weeks([], [], []),
        rfm={},
        tiers={"silver": [], "gold": [], "platinum": []},
        tier_months=[],
        points=[0] * len(POINTS_EDGES),
        cohorts=Cohorts([], [], []),
        funnel=[("LEADS", 0)],
        flow=Flow([], [], [], []),
    )
    write(tmp_path / "report.html", found=empty, latencies=[])
    open_report(browser, tmp_path / "report.html")
    assert faults(browser) == []


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_runs_over_the_edge_of_the_screen(browser: webdriver.Chrome, tmp_path: Path, width: int) -> None:
    write(tmp_path / "report.html")
    browser.set_window_size(width, 1000)
    open_report(browser, tmp_path / "report.html")
    over = browser.execute_script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0
