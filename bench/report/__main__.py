"""`python -m bench.report [--check]`: fill the tables of docs/performance.md and draw its charts."""

from __future__ import annotations

import sys

from bench import latest
from bench.report import blocks, drawing
from bench.runner import ROOT

PAGE = ROOT / "docs" / "performance.md"


def made() -> dict[str, str]:
    """Every file that the results make, by its path under the project: the page and its charts."""
    results = latest.read()
    charts = drawing.charts(results)
    files = {f"docs/images/{name}": svg for name, svg in charts.items()}
    files["docs/performance.md"] = blocks.fill(PAGE.read_text(encoding="utf-8"), results, set(charts))
    return files


def main(*, check: bool) -> int:
    """Write them, or say which are stale; the exit status."""
    stale = []
    for name, text in made().items():
        path = ROOT / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name} {'is stale: run `make performance`' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
