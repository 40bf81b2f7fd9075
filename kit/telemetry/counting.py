"""Counting what was committed: facts of the domain, told after the commit, once each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

OTHER = "other"
_PLAIN = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
_NUMBER = re.compile(r"\d{5}")


class Told(Protocol):
    """A unit of work after its commit."""

    @property
    def facts(self) -> Sequence[object]:
        """What happened."""


def counting(by: Mapping[type, Callable[[Any], object]]) -> Callable[[Told], None]:
    """What counts the facts of these types, and passes over all others."""

    def count(unit: Told) -> None:
        for fact in unit.facts:
            counted = by.get(type(fact))
            if counted is not None:
                counted(fact)

    return count


class Bounded:
    """Values of a label that callers choose, such as a channel: the first few that look like a name are told apart, all
    others are one. Else anybody could fill the memory, or write whatever they like into the metrics."""

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._known: dict[str, str] = {}

    def __call__(self, value: str) -> str:
        """The label's value."""
        known = self._known.get(value)
        if known is None:
            if len(self._known) >= self._most or not _PLAIN.fullmatch(value) or _NUMBER.search(value):
                return OTHER
            known = self._known[value] = value
        return known
