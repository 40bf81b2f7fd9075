"""What the use-cases of engagement need of a unit of work, beside what all of members need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from services.members.domain.check_in import CheckIn
from services.members.domain.daily_limit import Use
from services.members.domain.engagement import EngagementPolicy
from services.members.domain.receipt import ReceiptClaim, ReceiptKey
from services.members.usecases.ports import Unit


class EngagementPolicies(Protocol):
    """The versions of the rules of engagement."""

    def current(self) -> EngagementPolicy:
        """The newest version."""

    def lock(self) -> EngagementPolicy:
        """The newest version; until the end of the transaction nobody else makes another one."""

    def add(self, policy: EngagementPolicy) -> None:
        """Keep a new version."""


class DailyUses(Protocol):
    """Counters of what was used of daily limits."""

    def take(self, uses: Sequence[Use]) -> Use | None:
        """Count all of these uses; answers one that would pass its limit, if there is one."""

    def sweep(self, before: date, limit: int) -> int:
        """Forget counters of days before this one, at most so many; answers how many."""


class CheckIns(Protocol):
    """Days on which members checked in; whoever adds one has locked its member's wallet before."""

    def days(self, member: UUID) -> list[date]:
        """All days of a member."""

    def read(self, member: UUID, start: date, end: date) -> list[CheckIn]:
        """The check-ins of the days [start, end), the first one first."""

    def add(self, check_in: CheckIn) -> None:
        """Keep a new check-in."""


class ReceiptKeys(Protocol):
    """Keys that sign the codes of receipts."""

    def read(self, key: UUID) -> ReceiptKey | None:
        """A key, which nobody changes until the end of the transaction."""

    def signing(self, now: datetime) -> ReceiptKey | None:
        """The newest key with which the service may sign."""

    def page(self, page: Page) -> list[ReceiptKey]:
        """Keys from a position on, the newest first, one more than the page shows."""

    def add(self, key: ReceiptKey) -> None:
        """Keep a new key; nothing secret of it."""

    def save(self, key: ReceiptKey) -> None:
        """Keep the end that a key came to."""


class ReceiptClaims(Protocol):
    """Receipts that were claimed, each once."""

    def add(self, claim: ReceiptClaim) -> bool:
        """Keep a claim; answers whether the receipt was free."""

    def page(self, member: UUID, page: Page) -> list[ReceiptClaim]:
        """Claims of a member from a position on, the newest first, one more than the page shows."""


class EngagementUnit(Unit, Protocol):
    """One transaction over all of it."""

    @property
    def engagement_policies(self) -> EngagementPolicies:
        """Versions of the rules."""

    @property
    def daily_uses(self) -> DailyUses:
        """Counters of the daily limits."""

    @property
    def check_ins(self) -> CheckIns:
        """Daily check-ins."""

    @property
    def receipt_keys(self) -> ReceiptKeys:
        """Keys that sign codes."""

    @property
    def receipt_claims(self) -> ReceiptClaims:
        """Receipts that were claimed."""
