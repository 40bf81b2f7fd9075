"""Write what is made from code: `python -m deploy.observability.generate`; with `--check`, say what is not fresh."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from deploy.observability import grafana, slo
from deploy.observability.dashboards import BOARDS

FOLDER = Path(__file__).resolve().parent
RULES = FOLDER / "rules"
_HEAD = "# Made by `python -m deploy.observability.generate` from slo.py. Change that.\n"


def files() -> Mapping[Path, str]:
    """Every made file with what must stand in it."""
    made = {FOLDER / "dashboards" / f"{board.name}.json": grafana.render(board) for board in BOARDS}
    rules = yaml.safe_dump(slo.document(), sort_keys=False, width=120, allow_unicode=True)
    return {**made, RULES / "slos.yaml": _HEAD + rules}


def main() -> None:
    """Entry point."""
    stale = [path for path, text in files().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        if stale:
            names = ", ".join(str(path.relative_to(FOLDER)) for path in stale)
            sys.exit(f"Not fresh: {names}; run `python -m deploy.observability.generate`.")
        return
    for path in stale:
        path.write_text(files()[path], encoding="utf-8")


if __name__ == "__main__":
    main()
