"""Follow what becomes of members. Nothing moves: orders and carts keep the member that they came under, and who looks
for a member's finds those of all for whom that member stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from kit import merges
from kit.merges import Link
from services.orders.usecases import erasure


class Members(erasure.Members, Protocol):
    """Who stands for whom."""

    def link(self, links: Sequence[Link]) -> set[UUID]:
        """Store the newest links, sorted by member; answers whose were news."""

    def family(self, members: Collection[UUID]) -> tuple[dict[UUID, Link], dict[UUID, UUID]]:
        """The links of the members and of all that are linked with them; and their roots, as they were stored."""

    def move(self, roots: Mapping[UUID, UUID]) -> None:
        """Store who stands for members now."""


class Work(Protocol):
    """What this use-case needs of a unit of work."""

    @property
    def members(self) -> Members:
        """Who stands for whom."""


def follow(unit: Work, links: Sequence[Link]) -> None:
    """Members became one, or two again; told in any order and however often."""
    if not links:
        return
    unit.members.change()
    linked = unit.members.link(merges.newest(links))
    moved = merges.moved(*unit.members.family(linked)) if linked else {}
    if moved:
        unit.members.move(moved)
