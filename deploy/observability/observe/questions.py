"""Every expression of every panel and rule, and the one who asks them all the time until they answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import requests
import yaml

from deploy.observability.dashboards import BOARDS
from deploy.observability.generate import RULES
from deploy.observability.observe.server import Prometheus

_PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Question:
    """An expression and where it stands. `title` is `board / panel`, or the name of the alert or the record."""

    kind: str
    title: str
    expression: str


def questions() -> tuple[Question, ...]:
    """All of them."""
    return tuple(dict.fromkeys([*_panels(), *_rules()]))


def _panels() -> Iterator[Question]:
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                yield Question("panel", f"{board.name} / {panel.title}", query.expression)
                if query.hidden:
                    yield Question("within", f"{board.name} / {panel.title}", query.hidden)


def _rules() -> Iterator[Question]:
    for file in sorted(RULES.glob("*.yaml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                kind = "alert" if "alert" in rule else "record"
                slo = f" {rule['labels']['slo']}" if kind == "record" else ""
                yield Question(kind, f"{rule[kind]}{slo}", rule["expr"])


@dataclass
class Asker(threading.Thread):
    """Asks whatever has not answered yet, round after round; notes in which act it did."""

    prometheus: Prometheus
    act: str = ""
    answered: dict[Question, str] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(name="asker", daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Ask until `end`."""
        while not self._ended.wait(_PAUSE_SECONDS):
            for question in self.silent():
                act = self.act
                try:
                    found = self.prometheus.now(question.expression)
                except requests.RequestException:
                    continue
                if found:
                    self.answered[question] = act

    def silent(self) -> list[Question]:
        """What has not answered."""
        return [question for question in questions() if question not in self.answered]

    def end(self) -> None:
        """Ask no more."""
        self._ended.set()
        self.join()
