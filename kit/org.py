"""Parts of the organisation, as paths such as `/cn/east/shanghai`. The whole of it is the empty path."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from kit.errors import Fault, Kind, invalid

Named = Mapping[str, Sequence[str]]
"""Things by their collections and ids, the ids as texts."""

_PATH = re.compile(r"(/[^/\s\x00-\x1f\x7f-\x9f]{1,63}){1,10}")


def parse(text: str, *, field: str = "org") -> str:
    """The path as it is kept, without a slash at its end. Raises a Fault for what is no path."""
    path = text.rstrip("/")
    if not known(path):
        raise invalid(field, "must be a path such as /cn/east, of at most 10 parts")
    return path


def known(path: str) -> bool:
    """Whether this is a path as it is kept."""
    return not path or _PATH.fullmatch(path) is not None


def within(path: str, org: str) -> bool:
    """Whether a path is `org` itself or below it: `/cn/east/shanghai` is within `/cn/east`, and all is in the whole."""
    return not org or path == org or path.startswith(f"{org}/")


def condition(column: str, parameter: str = "org") -> str:
    """The SQL that says whether a column is within the part `:org`, in the words of a partial index on
    `(column text_pattern_ops) where column <> ''`: `0` is the character after the slash."""
    return (
        f"{column} <> '' and ({column} = :{parameter}"
        f" or ({column} ~>=~ (:{parameter} || '/') and {column} ~<~ (:{parameter} || '0')))"
    )


def beyond(name: str, org: str) -> Fault:
    """Something that the caller would have to see is not within the part of the organisation that it sees."""
    return Fault(
        Kind.PERMISSION_DENIED,
        "ORG_SCOPE_MISSING",
        f"{name} is beyond {org}, which is what its caller sees",
        metadata={"org": org, "name": name},
    )


class Parts(Protocol):
    """The parts of the organisation that a service's things belong to."""

    def inside(self, org: str, named: Named) -> set[tuple[str, str]]:
        """Those of the things, as collections and ids, that are within a part."""


class Unit(Protocol):
    """A unit of work that knows what belongs where."""

    @property
    def reach(self) -> Parts:
        """The parts that things belong to."""


def outside(unit: Unit, org: str, named: Named) -> tuple[str, str] | None:
    """The first of the things, as its collection and id, that is not within the part of the organisation."""
    inside = unit.reach.inside(org, named)
    asked = ((collection, id_) for collection, ids in named.items() for id_ in ids)
    return next((thing for thing in asked if thing not in inside), None)
