"""What the use-cases of the points mall need of a unit of work beside what all need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from services.members.domain import redemption, reward
from services.members.domain.redemption import Redemption
from services.members.domain.reward import Pieces, Reward, Share, Taken
from services.members.usecases.ports import ActingUnit


class Rewards(Protocol):
    """Rewards with their counters."""

    def find(self, reward: UUID) -> Reward | None:
        """A reward, if there is one."""

    def lock(self, rewards: Collection[UUID]) -> dict[UUID, Reward]:
        """The rewards that exist, locked until the end of the transaction, in the order of their ids."""

    def page(self, page: Page, state: reward.State | None) -> list[Reward]:
        """Rewards from a position on, the newest first, one more than the page shows."""

    def add(self, reward: Reward) -> None:
        """Keep a new reward."""

    def save(self, reward: Reward) -> None:
        """Keep a changed reward, all but its counters."""

    def count(self, changes: Mapping[UUID, Pieces]) -> None:
        """Add to the counters of locked rewards. Raises a Fault when more than the stock would be given away."""


class Redemptions(Protocol):
    """Redemptions; whoever changes one has locked its member's wallet."""

    def read(self, redemptions: Collection[UUID]) -> dict[UUID, Redemption]:
        """The redemptions with these ids."""

    def taken(self, shares: Collection[Share]) -> dict[Share, Taken]:
        """What locked members have of rewards, as far as limits count."""

    def paid(self, payments: Collection[str]) -> dict[str, UUID]:
        """Which redemptions these payments confirmed."""

    def given_back(self, payments: Collection[str]) -> dict[str, UUID]:
        """For which redemptions these payments gave cash back."""

    def with_code(self, digest: str) -> Redemption | None:
        """The redemption whose code has this digest."""

    def due(self, now: datetime, limit: int) -> dict[UUID, UUID]:
        """Redemptions that were not paid in time, with their members; the oldest first."""

    def repaid(self, limit: int) -> dict[UUID, UUID]:
        """Redemptions that wait for their cash, and were paid by an order that was refunded in full; with members."""

    def waiting(self) -> int:
        """How many wait for their cash."""

    def page(
        self, page: Page, *, member: UUID | None, reward: UUID | None, state: redemption.State | None
    ) -> list[Redemption]:
        """Redemptions from a position on, the newest first, one more than the page shows."""

    def add(self, redemptions: Sequence[Redemption]) -> None:
        """Keep new redemptions."""

    def save(self, redemptions: Sequence[Redemption]) -> None:
        """Keep changed redemptions."""


class MallUnit(ActingUnit, Protocol):
    """One transaction over the mall, too."""

    @property
    def rewards(self) -> Rewards:
        """Rewards."""

    @property
    def redemptions(self) -> Redemptions:
        """Redemptions."""
