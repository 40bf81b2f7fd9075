"""People: members who were merged are one, and what each of them has counts for all. Nothing moves for that: an order
or a seat keeps the member that it came under, so undoing a merge parts the counts as they were."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol
from uuid import UUID


class People(Protocol):
    """Who is one person with whom."""

    def together(self, members: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Of those who are one person with others, all names by each of them; until the transaction ends nobody else
        gets an answer for these people, and they stay together."""


class Work(Protocol):
    """What counting people needs of a unit of work."""

    @property
    def people(self) -> People:
        """Who is one person with whom."""


class Persons:
    """Who is one person among the members of a batch: one statement for all of them."""

    def __init__(self, unit: Work, members: Iterable[UUID]) -> None:
        asked = set(members)
        self._together = unit.people.together(asked) if asked else {}

    def names(self, member: UUID) -> frozenset[UUID]:
        """All members who are this person."""
        return self._together.get(member) or frozenset((member,))

    def others(self, member: UUID) -> frozenset[UUID]:
        """The other members who are this person: mostly nobody."""
        return self._together.get(member, frozenset()) - {member}

    def person(self, member: UUID) -> UUID:
        """The same for all names of a person, and for nobody else."""
        return min(self._together[member]) if member in self._together else member
