"""`python -m tools.openapi` writes `docs/api/`; with `--check` it fails when the pages are not what it would write."""

from __future__ import annotations

import json
import sys

from tools.generate import ROOT
from tools.openapi.document import document
from tools.openapi.reading import read
from tools.openapi.reference import pages

FOLDER = ROOT / "docs" / "api"


def contents() -> dict[str, str]:
    """The text of every file of the folder."""
    model = read()
    return {
        "openapi.json": json.dumps(document(model), indent=1, ensure_ascii=False) + "\n",
        **{name: text.rstrip() + "\n" for name, text in pages(model).items()},
    }


def main() -> None:
    """Entry point."""
    wanted = contents()
    there = {path.name: path.read_text() for path in FOLDER.glob("*")} if FOLDER.is_dir() else {}
    stale = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if "--check" in sys.argv[1:]:
        if stale:
            raise SystemExit(f"docs/api/ is stale, run `make gen`: {', '.join(stale)}")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (FOLDER / name).write_text(wanted[name])
        else:
            (FOLDER / name).unlink()


if __name__ == "__main__":
    main()
