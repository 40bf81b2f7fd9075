"""Whether things are within the part of the organisation that a caller sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID


class Reaches(Protocol):
    """The parts of the organisation that things belong to."""

    def inside(self, org: str, named: Mapping[str, Sequence[UUID]]) -> set[UUID]:
        """Those of the ids, by their collections, whose owner is within the part of the organisation."""


class Unit(Protocol):
    """What the use-case works on."""

    @property
    def reach(self) -> Reaches:
        """Who owns what, and where."""


def outside(unit: Unit, org: str, named: Mapping[str, Sequence[UUID]]) -> tuple[str, UUID] | None:
    """The first of the things, each an id in a collection, that is not within the part of the organisation."""
    inside = unit.reach.inside(org, named)
    return next(((kind, each) for kind, ids in named.items() for each in ids if each not in inside), None)
