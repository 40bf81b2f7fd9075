"""What the use-cases need of a unit of work. `storage` provides it without knowing of this."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from kit.posting import Transfer
from services.members.domain.hold import Hold
from services.members.domain.member import Identifier, Member
from services.members.domain.points import Posted, Wallet
from services.members.domain.programme import Programme
from services.members.domain.purchase import Purchase
from services.members.domain.tier import Standing, TierChange


class Members(Protocol):
    """Members and the identifiers that lead to them."""

    def find(self, identifiers: Collection[Identifier]) -> dict[Identifier, UUID]:
        """Whose these identifiers are; free ones are missing."""

    def read(self, members: Collection[UUID]) -> dict[UUID, Member]:
        """The members, without a lock."""

    def lock(self, members: Collection[UUID]) -> dict[UUID, Member]:
        """The members, locked until the end of the transaction."""

    def page(self, page: Page) -> list[Member]:
        """Members from a position on, the newest first, one more than the page shows."""

    def add(self, members: Sequence[Member]) -> None:
        """Keep new members."""

    def save(self, changes: Sequence[tuple[Member, Member]]) -> None:
        """Keep changed members, each given as it was and as it is."""


class Wallets(Protocol):
    """The members' accounts in the ledger."""

    def open(self, members: Sequence[UUID]) -> None:
        """Open the accounts of new members."""

    def lock(self, members: Collection[UUID], *, wait: bool = True) -> dict[UUID, Wallet]:
        """The wallets, locked; who is no member is missing, and without `wait` whoever is locked by others."""

    def read(self, members: Collection[UUID]) -> dict[UUID, Wallet]:
        """The wallets, without a lock."""

    def post(self, transfers: Sequence[Transfer], now: datetime) -> None:
        """Write transfers between accounts of locked wallets and the house."""

    def page(self, member: UUID, page: Page) -> list[Posted]:
        """Entries from a position on, the newest first, one more than the page shows."""


class Holds(Protocol):
    """Holds; whoever changes one has locked its member's wallet before."""

    def read(self, holds: Collection[UUID]) -> dict[UUID, Hold]:
        """The holds with these ids."""

    def due(self, now: datetime, limit: int) -> dict[UUID, UUID]:
        """Active holds whose time is over, with their members; the oldest first."""

    def add(self, holds: Sequence[Hold]) -> None:
        """Keep new holds."""

    def save(self, holds: Sequence[Hold]) -> None:
        """Keep the ends that holds came to."""


class Purchases(Protocol):
    """The members' orders, as far as points and tiers follow from them."""

    def of(self, members: Collection[UUID]) -> list[Purchase]:
        """All purchases of the members."""

    def save(self, purchases: Sequence[Purchase]) -> None:
        """Keep new and changed purchases."""


class Tiers(Protocol):
    """The members' tier histories, and what was announced of them."""

    def open(self, members: Sequence[UUID], rules: int) -> None:
        """Begin the standing of new members, at base."""

    def read(self, members: Collection[UUID]) -> dict[UUID, Standing]:
        """The standings with their histories. Whoever changes one has locked its member's wallet before."""

    def due(self, now: datetime, limit: int) -> list[UUID]:
        """Members whose next change of tier has come."""

    def outdated(self, rules: int, limit: int) -> list[UUID]:
        """Members judged by older rules than these."""

    def save(self, standings: Sequence[tuple[Standing, Standing]]) -> None:
        """Keep changed standings and their histories, each given as it was and as it is."""

    def at(self, members: Collection[UUID], time: datetime) -> dict[UUID, tuple[str, datetime | None]]:
        """Each member's tier at an instant, and the next change after it; who never had a tier is missing."""

    def page(self, member: UUID, now: datetime, page: Page) -> list[TierChange]:
        """Changes up to now from a position on, the newest first, one more than the page shows."""


class Programmes(Protocol):
    """The versions of the programme."""

    def versions(self) -> dict[int, Programme]:
        """All versions by their number."""

    def current(self) -> Programme:
        """The newest version."""

    def lock(self) -> Programme:
        """The newest version; until the end of the transaction nobody else makes another one."""

    def add(self, programme: Programme) -> None:
        """Keep a new version."""


class Unit(Protocol):
    """One transaction over all of it."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def members(self) -> Members:
        """Members and their identifiers."""

    @property
    def wallets(self) -> Wallets:
        """Accounts of points."""

    @property
    def holds(self) -> Holds:
        """Holds on points."""

    @property
    def purchases(self) -> Purchases:
        """Orders that earn."""

    @property
    def tiers(self) -> Tiers:
        """Tier histories."""

    @property
    def programmes(self) -> Programmes:
        """Versions of the programme."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts if the transaction commits."""
