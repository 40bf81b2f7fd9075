"""Another programme's points through the same use-cases as those of the default one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.members.domain.events import PointsEarned, PointsExpiring
from services.members.usecases.ports import Unit, Wallets


class Within:
    """A unit of work as a batch of points needs it, with the wallets of one programme."""

    def __init__(self, unit: Unit, programme: str) -> None:
        self._unit = unit
        self._programme = programme
        self.wallets: Wallets = unit.wallets_of(programme)

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""
        return self._unit.now

    def new_id(self) -> UUID:
        """An id that nothing else has."""
        return self._unit.new_id()

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts, in the name of the programme."""
        self._unit.emit(
            replace(fact, programme=self._programme) if isinstance(fact, PointsEarned | PointsExpiring) else fact
            for fact in facts
        )
