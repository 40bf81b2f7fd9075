"""The files that the chart takes from the rest of the project: each has its original elsewhere."""

from __future__ import annotations

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
