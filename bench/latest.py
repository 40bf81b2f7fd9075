"""`bench/results/latest.json`: the newest result of each case, with its time, machine and versions.

A run replaces the cases that it ran and leaves the others, so that one case can be measured again alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.table import FOLDER

LATEST = FOLDER / "latest.json"

Results = dict[str, dict[str, Any]]


def read(path: Path = LATEST) -> Results:
    """What is known: the name of a case to its result."""
    return dict(json.loads(path.read_text(encoding="utf-8"))["cases"]) if path.exists() else {}


def keep(name: str, result: dict[str, Any], path: Path = LATEST) -> None:
    """Put a case's new result in the place of its old one. A short run never replaces a full one."""
    known = read(path)
    old = known.get(name)
    if old is not None and result.get("quick") and not old.get("quick"):
        return
    known[name] = result
    write(path, {"cases": dict(sorted(known.items()))})


def write(path: Path, found: object) -> None:
    """Write a file of results so that no reader ever sees half of it."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def misses(results: Results) -> list[str]:
    """Targets that were missed."""
    return [
        f"{name}: {row['case']} {row['target']}"
        for name, result in results.items()
        for row in result["rows"]
        if row["pass"] is False
    ]
