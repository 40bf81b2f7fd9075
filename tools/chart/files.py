"""The files that the chart takes from the rest of the project: each has its original elsewhere.

`python -m tools.chart.files` copies them (`make gen` does); `--check` fails when a copy is not like its original.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tools.chart import gateway
from tools.chart.helm import CHART, PROJECT

FOLDER = CHART / "files"
_OBSERVABILITY = PROJECT / "deploy" / "observability"
_COSTS = PROJECT / "cli" / "capacity" / "costs.json"


def made() -> Mapping[Path, bytes]:
    """Every such file with what must stand in it."""
    found = {
        FOLDER / "envoy.yaml.gotmpl": gateway.template().encode(),
        FOLDER / "descriptors.binpb": (PROJECT / "gen" / "descriptors.binpb").read_bytes(),
    }
    for original in sorted((_OBSERVABILITY / "dashboards").glob("*.json")):
        found[FOLDER / "dashboards" / original.name] = original.read_bytes()
    for original in sorted([*_OBSERVABILITY.glob("*.rules.yaml"), *(_OBSERVABILITY / "rules").glob("*.yaml")]):
        found[FOLDER / "rules" / original.name] = original.read_bytes()
    if _COSTS.exists():
        found[FOLDER / "capacity.json"] = _COSTS.read_bytes()
    return found


def strays() -> list[Path]:
    """Copies whose original is gone."""
    kept = set(made())
    folders = ("dashboards", "rules")
    return [path for folder in folders for path in sorted((FOLDER / folder).glob("*")) if path not in kept]


def copy() -> None:
    """Make every copy like its original."""
    for stray in strays():
        stray.unlink()
    for path, content in made().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def stale() -> list[str]:
    """Names of copies that are not like their originals, or have none."""
    differing = [path for path, content in made().items() if not path.exists() or path.read_bytes() != content]
    return [path.name for path in [*differing, *strays()]]


def main() -> None:
    """Entry point."""
    if "--check" not in sys.argv[1:]:
        copy()
    elif found := stale():
        sys.exit(f"stale copies in the chart: {', '.join(found)}; run `make gen`")


if __name__ == "__main__":
    main()
