"""Who stands for whom: members turn out to be one person, and sometimes two after all.

What a service keeps of a member is the member's own for ever; whom it belongs to now follows from the links alone. So
in whatever order and however often merges are told, the result is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Link:
    """What was last told of a member: merged into another one, or (`into` is None) the member's own again."""

    member: UUID
    into: UUID | None
    time: datetime
    version: int


def newest(links: Iterable[Link]) -> list[Link]:
    """The newest link of each member, sorted by member."""
    latest: dict[UUID, Link] = {}
    for link in links:
        known = latest.get(link.member)
        if known is None or known.version < link.version:
            latest[link.member] = link
    return [latest[member] for member in sorted(latest)]


def root(member: UUID, links: Mapping[UUID, Link]) -> UUID:
    """The member at the end of the links.

    While an unmerge is still on its way, links may run in a circle: the newest of them is right.
    """
    way: dict[UUID, Link] = {}
    while (link := links.get(member)) is not None and link.into is not None:
        if member in way:
            return _of_circle(member, way)
        way[member] = link
        member = link.into
    return member


def moved(links: Mapping[UUID, Link], before: Mapping[UUID, UUID]) -> dict[UUID, UUID]:
    """Who stands for members by their links, of those for whom it is not who did `before`; sorted by member."""
    after = {member: root(member, links) for member in sorted(before)}
    return {member: stands for member, stands in after.items() if stands != before[member]}


def _of_circle(member: UUID, way: Mapping[UUID, Link]) -> UUID:
    links = list(way.values())
    circle = links[list(way).index(member) :]
    last = max(circle, key=lambda link: (link.time, link.member))
    return last.into or last.member
