"""Take the README's picture of the demo's report: `python -m tools.picture`, after `make demo`.

Needs Debian's packages chromium and chromium-driver, and fonts-noto-cjk for the Chinese words.
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_ROOT = Path(__file__).resolve().parents[1]
_REPORT = _ROOT / ".run" / "demo" / "report.html"
_PICTURE = _ROOT / "docs" / "images" / "report.png"
_WIDTH, _HEIGHT, _SCALE = 1360, 1560, 0.78
_DRAWN = "return document.querySelectorAll('.js-plotly-plot .main-svg').length >= 16"
# The picture ends below the last row of charts; the tables are for reading, not for looking at.
_END = "return document.querySelector('#chart-latency').closest('.card').getBoundingClientRect().bottom + 18"
_MOST_BYTES = 400_000


def main() -> None:
    """Write the picture."""
    if not _REPORT.exists():
        sys.exit(f"{_REPORT} is missing; run `make demo` first.")
    picture = _taken(_REPORT)
    if len(picture) > _MOST_BYTES:
        sys.exit(f"The picture has {len(picture):,} bytes, more than {_MOST_BYTES:,}.")
    _PICTURE.parent.mkdir(parents=True, exist_ok=True)
    _PICTURE.write_bytes(picture)
    print(f"{_PICTURE.relative_to(_ROOT)}: {len(picture):,} bytes")


def _taken(report: Path) -> bytes:
    browser = webdriver.Chrome(options=_options(), service=Service(shutil.which("chromedriver") or "chromedriver"))
    try:
        browser.get(report.as_uri())
        while not browser.execute_script(_DRAWN):
            time.sleep(0.1)
        clip = {"x": 0, "y": 0, "width": _WIDTH, "height": browser.execute_script(_END), "scale": _SCALE}
        wanted = {"format": "png", "clip": clip, "captureBeyondViewport": True}
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", wanted)
        return base64.b64decode(shot["data"])
    finally:
        browser.quit()


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
