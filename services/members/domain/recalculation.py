"""A recalculation: past purchases earn by a newer version of a programme, a few members at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Recalculation:
    """Purchases paid in [start, end) come to earn by `version`. `position` is the last member that was done, None at
    the beginning of a round; `changed` of the `purchases` that are done earn other points now, `points` more in all."""

    id: UUID
    programme: str
    version: int
    start: datetime
    end: datetime
    actor: str
    create_time: datetime
    position: UUID | None = None
    purchases: int = 0
    changed: int = 0
    points: int = 0
    finish_time: datetime | None = None
    failed: bool = False

    @property
    def running(self) -> bool:
        """Whether there is more to do."""
        return self.finish_time is None

    def advanced(self, position: UUID, *, purchases: int, changed: int, points: int) -> Recalculation:
        """After some more members."""
        return replace(
            self,
            position=position,
            purchases=self.purchases + purchases,
            changed=self.changed + changed,
            points=self.points + points,
        )

    def stopped(self, now: datetime) -> Recalculation:
        """When a purchase would earn more than can be posted: what is done stays, the rest is left as it is."""
        return replace(self, finish_time=now, failed=True)

    def ended(self, now: datetime) -> Recalculation:
        """After the last member. Another round finds those that members who were merged brought along; a round that
        finds nobody is the end."""
        return replace(self, finish_time=now) if self.position is None else replace(self, position=None)
