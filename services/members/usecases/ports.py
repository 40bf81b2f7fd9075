"""What the use-cases need of a unit of work. `storage` provides it without knowing of this."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.page import Page
from kit.posting import Lot, Transfer
from services.members.domain.condition import Person
from services.members.domain.earning import Earning
from services.members.domain.growth import Growth, GrowthPosted
from services.members.domain.history import Claimed, Kept
from services.members.domain.hold import Hold
from services.members.domain.member import Identifier, Member
from services.members.domain.points import Posted, Wallet
from services.members.domain.programme import DEFAULT, Programme
from services.members.domain.purchase import Purchase
from services.members.domain.recalculation import Recalculation
from services.members.domain.tier import Standing
from services.members.domain.tier_override import TierOverride
from services.members.usecases.audit import Audit


class Members(Protocol):
    """Members and the identifiers that lead to them."""

    def find(self, identifiers: Collection[Identifier]) -> dict[Identifier, UUID]:
        """Whose these identifiers are; free ones are missing."""

    def read(self, members: Collection[UUID]) -> dict[UUID, Member]:
        """The members, without a lock."""

    def lock(self, members: Collection[UUID]) -> dict[UUID, Member]:
        """The members, locked until the end of the transaction."""

    def page(self, page: Page, *, tag: str = "", org: str = "") -> list[Member]:
        """Members from a position on, the newest first, one more than the page shows; of a tag, and of a part of the
        organisation with all below it. Who was erased is left out."""

    def absorb(self, gone: UUID, kept: UUID) -> None:
        """From now on the one stands for the other. Both are locked."""

    def release(self, gone: UUID, kept: UUID) -> None:
        """The member stands for itself again. The merge has been kept as undone before."""

    def born_on(self, days: Collection[str]) -> list[UUID]:
        """Who has a birthday on one of the days, each as `02-28`."""

    def add(self, members: Sequence[Member]) -> None:
        """Keep new members."""

    def save(self, changes: Sequence[tuple[Member, Member]]) -> None:
        """Keep changed members, each given as it was and as it is."""


class Wallets(Protocol):
    """The members' accounts in the ledger."""

    def open(self, members: Sequence[UUID]) -> None:
        """Open the accounts of new members."""

    def open_late(self, members: Collection[UUID]) -> None:
        """Open the accounts of those members who have none here yet. Their wallets of the default programme are
        locked."""

    def open_house(self) -> None:
        """Open the house's accounts of a new programme."""

    def heir(self, member: UUID) -> UUID:
        """Who has taken over the member's accounts; the member, if nobody has. Known once they are read or locked."""

    def lock(self, members: Collection[UUID], *, wait: bool = True) -> dict[UUID, Wallet]:
        """The wallets, locked, by their owners: merged members' are their heirs'. Who is no member is missing, and
        without `wait` whoever is locked by others."""

    def lock_with(self, members: Collection[UUID], others: Callable[[], Collection[UUID]]) -> dict[UUID, Wallet]:
        """As `lock`, of members and of others who follow from what is stored about them, all at once: if it turns out
        under the lock that there are more, everything is let go and locked anew."""

    def read(self, members: Collection[UUID]) -> dict[UUID, Wallet]:
        """The wallets as they are posted, without a lock, by their owners as `lock` answers them."""

    def present(self, members: Collection[UUID], now: datetime) -> dict[UUID, Wallet]:
        """The wallets as they are at `now`: what is due to expire or to become available counts, posted or not."""

    def post(self, transfers: Sequence[Transfer], now: datetime, *, lots: Sequence[Lot] = ()) -> None:
        """Write transfers between accounts of locked wallets and the house; `lots` are those that are new."""

    def spendable(self, amounts: Mapping[UUID, int]) -> dict[UUID, list[Lot]]:
        """The lots from which each member's points would be taken."""

    def lots(self, ids: Collection[UUID]) -> dict[UUID, list[Lot]]:
        """These lots, by member."""

    def lots_from(self, sources: Collection[tuple[UUID, str]]) -> dict[UUID, list[Lot]]:
        """The lots of which something is left that a source granted to a member."""

    def pending(self, members: Collection[UUID], now: datetime) -> dict[UUID, list[Lot]]:
        """The members' lots that are due to become available."""

    def maturing(self, now: datetime, limit: int) -> list[UUID]:
        """Members with lots that are due to become available, the oldest first."""

    def reschedule(self, lots: Sequence[Lot]) -> None:
        """Keep from when and until when lots count."""

    def lapse(self, now: datetime, limit: int) -> int:
        """Take what is left of lots whose time is over; answers how many lots."""

    def expiring(self, after: tuple[datetime, UUID], until: datetime, limit: int) -> list[tuple[UUID, datetime, int]]:
        """Whose points expire when, after a position and until an instant, and how many."""

    def at(self, member: UUID, time: datetime) -> Wallet:
        """The wallet with all its lots as it was at a past instant."""

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

    def find(self, orders: Collection[tuple[UUID, UUID]]) -> list[Purchase]:
        """Those of the purchases that are known, each given as its member and order."""

    def spent(self, members: Collection[UUID], currency: str) -> list[tuple[UUID, datetime, int]]:
        """What is left of each purchase of the members in a currency, in its smallest unit, and when it was paid."""

    def earned(self, members: Collection[UUID]) -> list[tuple[UUID, datetime, int]]:
        """The points that each purchase of the members has earned by the default programme, and when it was paid."""

    def save(self, purchases: Sequence[Purchase]) -> None:
        """Keep new and changed purchases."""

    def between(self, start: datetime | None, end: datetime | None, currency: str, limit: int) -> list[Purchase]:
        """Purchases of a currency paid in [start, end), the earliest first."""

    def kept(self, orders: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Kept]:
        """What rules know of purchases, each given as its member and order, and what they earned by rules."""

    def claimed(self, members: Collection[UUID]) -> list[Claimed]:
        """What the members' purchases take of the caps that they share."""

    def keep_earnings(
        self, earned: Mapping[tuple[UUID, UUID], Mapping[str, Earning]], persons: Mapping[tuple[UUID, UUID], Person]
    ) -> None:
        """Keep what purchases earned by rules and, if it was not kept before, who their members were."""

    def forget(self, members: Collection[UUID]) -> None:
        """Blank what purchases keep of persons."""


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

    def joined(self, members: Collection[UUID]) -> dict[UUID, datetime]:
        """When the members joined."""

    def add_override(self, member: UUID, override: TierOverride) -> TierOverride:
        """Keep an act by hand, which is the newest of its member; answers it with its id."""

    def overrides(self, member: UUID, page: Page) -> list[TierOverride]:
        """Acts by hand from a position on, the newest first, one more than the page shows."""


class Growths(Protocol):
    """The members' growth value; whoever changes it has locked their wallets before."""

    def lock(self, members: Collection[UUID]) -> dict[UUID, Growth]:
        """The growth value of members, to be changed."""

    def read(self, members: Collection[UUID]) -> dict[UUID, Growth]:
        """The growth value of members; who never had any is missing."""

    def post(self, transfers: Sequence[Transfer], now: datetime) -> None:
        """Write transfers between accounts that are locked and the house."""

    def page(self, member: UUID, page: Page) -> list[GrowthPosted]:
        """Entries from a position on, the newest first, one more than the page shows."""

    def log(self, members: Collection[UUID]) -> list[tuple[UUID, datetime, int]]:
        """By how much the growth value of members changed at which effective time."""

    def earned(self, orders: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
        """What orders have earned, each given with its member."""

    def save_earned(self, orders: Mapping[tuple[UUID, UUID], int]) -> None:
        """Keep what orders have earned."""


class Programmes(Protocol):
    """The versions of the programmes."""

    def all(self) -> dict[str, dict[int, Programme]]:
        """All versions of all programmes."""

    def versions(self, programme: str = DEFAULT) -> dict[int, Programme]:
        """All versions of a programme by their number."""

    def current(self) -> Programme:
        """The newest version of the default programme."""

    def find(self, programme: str) -> Programme | None:
        """The newest version of a programme."""

    def lock(self, programme: str = DEFAULT) -> Programme | None:
        """The newest version; until the end of the transaction nobody else makes another one."""

    def add(self, programme: Programme) -> None:
        """Keep a new version."""

    def latest(self, page: Page) -> list[Programme]:
        """The newest versions of the programmes from a position on, by id, one more than the page shows."""

    def page(self, programme: str, page: Page) -> list[Programme]:
        """Versions of a programme from a position on, the newest first, one more than the page shows."""


class ExpiryNotices(Protocol):
    """How far members were told of points that are about to expire."""

    def claim(self, programme: str, start: datetime) -> tuple[datetime, UUID] | None:
        """Up to which instant and member, locked; from `start` on if nobody was told yet. None when another replica is
        about it."""

    def save(self, programme: str, position: tuple[datetime, UUID]) -> None:
        """Keep a new position."""


class Recalculations(Protocol):
    """Recalculations of past purchases."""

    def add(self, job: Recalculation) -> None:
        """Keep a new one."""

    def read(self, job: UUID) -> Recalculation | None:
        """One of them."""

    def running(self, programme: str) -> bool:
        """Whether one of the programme is under way."""

    def claim(self) -> Recalculation | None:
        """One that is under way and that nobody else advances, locked."""

    def members(self, job: Recalculation, currency: str, limit: int) -> list[UUID]:
        """The next members with purchases to be recalculated."""

    def save(self, job: Recalculation) -> None:
        """Keep how far it is."""


class PostingUnit(Protocol):
    """One transaction, as far as points of one programme are posted in it."""

    @property
    def now(self) -> datetime:
        """The instant of the transaction."""

    @property
    def wallets(self) -> Wallets:
        """Accounts of points."""

    def new_id(self) -> UUID:
        """An id that nothing else has."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts if the transaction commits."""


class Merged(Protocol):
    """Who was merged into whom."""

    def follow(self, news: Iterable[tuple[UUID, UUID]]) -> None:
        """Keep that orders, each given after its member, came under the name of a member that is gone, so that they go
        along if the merge is undone."""

    def follow_held(self, placed: Iterable[tuple[UUID, UUID]]) -> None:
        """Keep that holds, each given after its member, were placed under the name of a member that is gone, so that
        they go along if the merge is undone."""


class Unit(Protocol):
    """One transaction over all of it."""

    @property
    def merges(self) -> Merged:
        """Merges, as far as news of orders and holds have to do with them."""

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
    def expiry_notices(self) -> ExpiryNotices:
        """How far members were told of points that are about to expire."""

    def wallets_of(self, programme: str) -> Wallets:
        """Accounts of a programme's own points."""

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
    def growth(self) -> Growths:
        """Growth value."""

    @property
    def programmes(self) -> Programmes:
        """Versions of the programmes."""

    @property
    def recalculations(self) -> Recalculations:
        """Recalculations of past purchases."""

    def new_id(self) -> UUID:
        """An id that nothing else has."""

    def emit(self, facts: Iterable[object]) -> None:
        """Publish facts if the transaction commits."""


class ActingUnit(Unit, Protocol):
    """One transaction in which people do something by hand."""

    @property
    def audit(self) -> Audit:
        """The trail of such acts."""
