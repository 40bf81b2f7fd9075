"""Batches of points, one for each programme that the commands of a transaction name."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from services.members.domain import errors
from services.members.domain.programme import DEFAULT, Programme
from services.members.usecases.points import Batch
from services.members.usecases.ports import Unit
from services.members.usecases.within import Within


class Batches:
    """Locks the members' wallets of the default programme, and then those of the other programmes that are asked for,
    in the order of their ids: so nobody waits in a circle.

    A batch of another programme goes by whom `owner` answers, not by the members that a command names.
    """

    def __init__(self, unit: Unit, members: Iterable[UUID], *, wait: bool = True) -> None:
        self.now = unit.now
        self._unit = unit
        self._default = Batch(unit, set(members), wait=wait)
        self._batches = {DEFAULT: self._default}
        self._programmes: dict[str, Programme | None] = {}

    def __contains__(self, member: UUID) -> bool:
        return member in self._default

    def owner(self, member: UUID) -> UUID:
        """The member, or who took over if they were merged. Raises a Fault when there is no such member."""
        return self._default.wallet(member).member

    def open(self, wanted: Iterable[tuple[str, UUID]]) -> None:
        """Lock the wallets of members in the programmes that are given with them. What does not exist is left out."""
        others: dict[str, set[UUID]] = {}
        for programme, member in wanted:
            if programme != DEFAULT and member in self:
                others.setdefault(programme, set()).add(self.owner(member))
        for id_ in sorted(others.keys() - self._batches.keys()):
            if self._find(id_) is not None:
                within = Within(self._unit, id_)
                within.wallets.open_late(others[id_])
                self._batches[id_] = Batch(within, others[id_])

    def has(self, programme: str) -> bool:
        """Whether a programme was opened, for anybody; the default one always is."""
        return programme in self._batches

    def of(self, programme: str) -> Batch:
        """The batch of a programme that was opened. Raises a Fault when there is no such programme."""
        self.programme(programme)
        return self._batches[programme]

    def programme(self, id_: str) -> Programme:
        """The newest version of a programme. Raises a Fault when there is none."""
        found = self._find(id_)
        if found is None:
            raise errors.programme_not_found(id_)
        return found

    def spending(self, amounts: Iterable[tuple[str, UUID, int]]) -> None:
        """Read the lots that these points will be taken from, each given with its programme and member."""
        asked: dict[str, list[tuple[UUID, int]]] = {}
        for programme, member, points in amounts:
            if programme in self._batches and member in self:
                asked.setdefault(programme, []).append((self.owner(member), points))
        for programme, mine in asked.items():
            self._batches[programme].spending(mine)

    def close(self) -> None:
        """Write all transfers and publish all facts."""
        for batch in self._batches.values():
            batch.close()

    def _find(self, id_: str) -> Programme | None:
        if id_ not in self._programmes:
            programmes = self._unit.programmes
            self._programmes[id_] = programmes.current() if id_ == DEFAULT else programmes.find(id_)
        return self._programmes[id_]
