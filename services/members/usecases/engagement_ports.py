"""What the use-cases of engagement need of a unit of work, beside what all of members need."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from services.members.domain.badge import Badge, BadgeAward, Metric
from services.members.domain.check_in import CheckIn
from services.members.domain.daily_limit import Use
from services.members.domain.engagement import EngagementPolicy
from services.members.domain.receipt import ReceiptClaim, ReceiptKey
from services.members.domain.referral import Order, Referral
from services.members.usecases.audit import Audit
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


class Referrals(Protocol):
    """Who brought whom; whoever changes something has locked the wallets of the members."""

    def queue_up(self) -> None:
        """Wait until nobody else makes a referral, until the end of the transaction."""

    def code(self, member: UUID) -> str | None:
        """The code of a member."""

    def owner(self, code: str) -> UUID | None:
        """Whose code it is."""

    def add_code(self, member: UUID, code: str) -> bool:
        """Keep a new code; answers whether it was free."""

    def read(self, members: Collection[UUID]) -> dict[UUID, Referral]:
        """Who brought these members; those whom nobody did are missing."""

    def page(self, referrer: UUID, page: Page) -> list[Referral]:
        """Whom a member has brought from a position on, the newest members first, one more than the page shows."""

    def chain(self, member: UUID) -> set[UUID]:
        """The member, who brought that one, who brought them, and so on."""

    def rewarded(self, referrer: UUID, since: datetime) -> int:
        """How many referrals gave the referrer points since then, and still do."""

    def add(self, referral: Referral) -> None:
        """Keep a new referral."""

    def save(self, referral: Referral) -> None:
        """Keep what became of a referral."""

    def orders(self, members: Collection[UUID]) -> list[Order]:
        """What is known of the orders of these members."""

    def known(self, orders: Collection[Order]) -> list[Order]:
        """What was heard of these orders before."""

    def save_orders(self, orders: Sequence[Order]) -> None:
        """Keep what is known of orders."""


class Celebrations(Protocol):
    """Birthdays and complete profiles that were rewarded, each once."""

    def due(self, members: Sequence[UUID], year: int, limit: int) -> list[UUID]:
        """Those of the members who were not congratulated in a year, at most so many."""

    def celebrate(self, members: Sequence[UUID], year: int, points: int, now: datetime) -> list[UUID]:
        """Remember birthdays; answers the members whose birthday of the year was not remembered yet."""

    def complete(self, member: UUID, points: int, now: datetime) -> bool:
        """Remember a complete profile; answers whether that is new."""


class Badges(Protocol):
    """Badges and who has them, each once."""

    def read(self, badge: UUID) -> Badge | None:
        """A badge."""

    def page(self, page: Page) -> list[Badge]:
        """Badges from a position on, the newest first, one more than the page shows."""

    def save(self, badge: Badge) -> None:
        """Keep a new badge, or one that was retired."""

    def wanted(self, metric: Metric) -> bool:
        """Whether there are badges for it."""

    def counts(self, members: Collection[UUID], metric: Metric) -> dict[UUID, int]:
        """What these members have reached; who has nothing is missing."""

    def award(self, counts: Mapping[UUID, int], metric: Metric, now: datetime) -> list[tuple[UUID, UUID]]:
        """Give members what they have reached; answers the members and badges that are new."""

    def awards(self, member: UUID, page: Page) -> list[BadgeAward]:
        """What a member has from a position on, the newest badges first, one more than the page shows."""


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

    @property
    def referrals(self) -> Referrals:
        """Who brought whom."""

    @property
    def celebrations(self) -> Celebrations:
        """Birthdays and complete profiles that were rewarded."""

    @property
    def badges(self) -> Badges:
        """Badges and who has them."""

    @property
    def audit(self) -> Audit:
        """The trail of manual acts."""
