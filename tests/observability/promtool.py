"""promtool over our rules: checks, and unit tests of alerts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deploy.observability.generate import RULES
from deploy.observability.programs import find

FILES = sorted(RULES.glob("*.yaml"))
Rule = dict[str, Any]


def rules(file: Path) -> Iterator[Rule]:
    """Every rule of a file."""
    for group in yaml.safe_load(file.read_text())["groups"]:
        yield from group["rules"]


_HOMES = {rule["alert"]: (file, rule) for file in FILES for rule in rules(file) if "alert" in rule}
ALERTS: dict[str, Rule] = {alert: rule for alert, (_, rule) in _HOMES.items()}


@dataclass(frozen=True)
class Expected:
    """One alert at one time: firing with these labels and this summary, or, without a summary, not firing."""

    alert: str
    series: dict[str, str]
    at: str
    interval: str = "1m"
    labels: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    def document(self) -> dict[str, object]:
        """As promtool reads it."""
        rule = ALERTS[self.alert]
        fired = {
            "exp_labels": rule["labels"] | self.labels,
            "exp_annotations": rule["annotations"] | {"summary": self.summary},
        }
        asked = {"eval_time": self.at, "alertname": self.alert, "exp_alerts": [fired] if self.summary else []}
        series = [{"series": name, "values": str(values)} for name, values in self.series.items()]
        return {"interval": self.interval, "input_series": series, "alert_rule_test": [asked]}


def fails(expected: Sequence[Expected], folder: Path, wanted: Callable[[Rule], bool] = lambda _: True) -> str:
    """What promtool says against the expectations; nothing when all of them hold.

    Only rules that are `wanted` take part, of the files that the alerts stand in.
    """
    files = sorted({_HOMES[each.alert][0] for each in expected})
    chosen = [rule for file in files for rule in rules(file) if wanted(rule)]
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "chosen", "rules": chosen}]}))
    test = {"rule_files": ["rules.yaml"], "tests": [each.document() for each in expected]}
    file = folder / "tests.yaml"
    file.write_text(yaml.safe_dump(test, allow_unicode=True))
    return said("test", "rules", str(file))


def said(*arguments: str) -> str:
    """The words of a promtool that is not content; nothing when it is."""
    done = subprocess.run([find().promtool, *arguments], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
