"""What the shipped sets of values render to, kept beside them: a change of the chart shows in what it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.chart import helm
from tools.chart.helm import CHART

SETS: Mapping[str, tuple[str, ...]] = {
    "small": ("values-small.yaml",),
    "ha": ("values-ha.yaml",),
    "peak": ("values-ha.yaml", "values-peak.yaml"),
}
FOLDER = CHART / "examples"
_SOURCE = re.compile(r"^# Source: kehu/templates/(\S+)$", re.MULTILINE)
# What is copied from elsewhere has tests of its own, and would drown the rest.
_COPIES = ("gateway/configmap.yaml", "dashboards.yaml")


def rendered(name: str) -> str:
    """The manifests of a set."""
    return helm.render(*(CHART / file for file in SETS[name]))


def kept(name: str) -> dict[Path, str]:
    """The files under examples/<name>/rendered: one per template."""
    parts: dict[str, list[str]] = {}
    for template, text in _documents(rendered(name)):
        if template not in _COPIES:
            parts.setdefault(template, []).append(text)
    folder = FOLDER / name / "rendered"
    return {folder / template: "".join(f"---\n{text}" for text in texts) for template, texts in parts.items()}


def _documents(text: str) -> Iterator[tuple[str, str]]:
    for document in re.split(r"^---\n", text, flags=re.MULTILINE):
        source = _SOURCE.search(document)
        if source:
            body = document[source.end() + 1 :].rstrip()
            # They would change with every other line of the gateway's configuration.
            yield source[1], re.sub(r"(checksum/config: ).*", r"\1(of the ConfigMap)", body) + "\n"
