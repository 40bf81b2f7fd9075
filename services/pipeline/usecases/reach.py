"""Whether things are within the part of the organisation that a caller sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Reaches(Protocol):
    """The parts of the organisation that things belong to."""

    def inside(self, org: str, named: Mapping[str, Sequence[str]]) -> set[str]:
        """The names of those, by their collections, that are within the part of the organisation."""


class Unit(Protocol):
    """What the use-case works on."""

    @property
    def reach(self) -> Reaches:
        """What belongs where."""


def outside(unit: Unit, org: str, named: Mapping[str, Sequence[str]]) -> str | None:
    """The name of the first of the things, each an id in a collection, that is not within the part."""
    inside = unit.reach.inside(org, named)
    asked = (f"{collection}/{id_}" for collection, ids in named.items() for id_ in ids)
    return next((name for name in asked if name not in inside), None)
