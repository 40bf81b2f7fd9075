"""Take the pictures of the docs: `python -m tools.picture report` after `make demo`, `dashboards` after `make observe`.

Needs Debian's packages chromium and chromium-driver, and fonts-noto-cjk for the Chinese words.
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_ROOT = Path(__file__).resolve().parents[1]
_IMAGES = _ROOT / "docs" / "images"
_WIDTH, _HEIGHT = 1360, 1560
_MOST_BYTES = 400_000


@dataclass(frozen=True)
class Subject:
    """A page, when it is drawn, where its picture ends, and how much smaller than the page it is."""

    page: Path
    picture: str
    drawn: str
    end: str
    scale: float


_REPORT = Subject(
    _ROOT / ".run" / "demo" / "report.html",
    "report.png",
    "return document.querySelectorAll('.js-plotly-plot .main-svg').length >= 16",
    # The picture ends below the last row of charts; the tables are for reading, not for looking at.
    "return document.querySelector('#chart-latency').closest('.card').getBoundingClientRect().bottom + 18",
    0.78,
)


def main() -> None:
    """Write the pictures that are asked for."""
    asked = sys.argv[1:]
    subjects = {"report": [_REPORT], "dashboards": _dashboards()}
    if len(asked) != 1 or asked[0] not in subjects:
        sys.exit(f"Say which: {', '.join(subjects)}.")
    if not subjects[asked[0]] or not all(each.page.exists() for each in subjects[asked[0]]):
        sys.exit("There is no page to look at; run `make demo` or `make observe` first.")
    _IMAGES.mkdir(parents=True, exist_ok=True)
    browser = webdriver.Chrome(options=_options(), service=Service(shutil.which("chromedriver") or "chromedriver"))
    try:
        for subject in subjects[asked[0]]:
            _take(subject, browser)
    finally:
        browser.quit()


def _dashboards() -> list[Subject]:
    drawn = "return [...document.querySelectorAll('.plot')].every(place => place.querySelector('.main-svg'))"
    end = "return document.querySelector('footer').getBoundingClientRect().bottom + 12"
    pages = sorted((_ROOT / ".run" / "observe" / "pages").glob("*.html"))
    return [Subject(page, f"dashboard-{page.stem}.png", drawn, end, 0.7) for page in pages if page.name != "index.html"]


def _take(subject: Subject, browser: webdriver.Chrome) -> None:
    browser.get(subject.page.as_uri())
    while not browser.execute_script(subject.drawn):
        time.sleep(0.1)
    height = browser.execute_script(subject.end)
    clip = {"x": 0, "y": 0, "width": _WIDTH, "height": height, "scale": subject.scale}
    shot = browser.execute_cdp_cmd(
        "Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True}
    )
    picture = base64.b64decode(shot["data"])
    if len(picture) > _MOST_BYTES:
        sys.exit(f"{subject.picture} has {len(picture):,} bytes, more than {_MOST_BYTES:,}.")
    (_IMAGES / subject.picture).write_bytes(picture)
    print(f"docs/images/{subject.picture}: {len(picture):,} bytes")


def _options() -> webdriver.ChromeOptions:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for argument in ("--headless=new", "--disable-gpu", "--hide-scrollbars", f"--window-size={_WIDTH},{_HEIGHT}"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    return options


if __name__ == "__main__":
    main()
