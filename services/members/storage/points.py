"""Wallets: a member's accounts of the ledger, and the lots in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from kit.ledger import Ledger, Position, Positions
from kit.page import Page
from kit.posting import Cause, Lot, Transfer
from services.members.domain.points import (
    AVAILABLE,
    BREAKAGE,
    HELD,
    HOUSE,
    HOUSE_ACCOUNTS,
    MEMBER_ACCOUNTS,
    PENDING,
    RECEIVABLE,
    UNIT,
    Posted,
    Wallet,
)

_KINDS = tuple(MEMBER_ACCOUNTS)


class WalletStore:
    """Reads, locks and posts to members' points."""

    def __init__(self, connection: Connection, unit: str = UNIT) -> None:
        self._connection = connection
        self._ledger = Ledger(connection, unit=unit, house=HOUSE)
        self.moved: dict[tuple[str, str], int] = defaultdict(int)
        """How many points were moved so far, by kind of account: from which, to which."""

    def open(self, members: Sequence[UUID]) -> None:
        """Open the accounts of new members."""
        self._ledger.open(members, MEMBER_ACCOUNTS)

    def open_late(self, members: Collection[UUID]) -> None:
        """Open the accounts of those members who have none here yet. Their wallets of the default programme are
        locked."""
        known = self._ledger.read(members, _KINDS)
        new = {self._ledger.heir(member) for member in members} - known.keys()
        if new:
            self._ledger.open(sorted(new), MEMBER_ACCOUNTS)

    def open_house(self) -> None:
        """Open the house's accounts of a new programme."""
        self._ledger.open([HOUSE], HOUSE_ACCOUNTS)

    def heir(self, member: UUID) -> UUID:
        """Who has taken over the member's accounts; the member, if nobody has. Known once they are read or locked."""
        return self._ledger.heir(member)

    def lock(self, members: Collection[UUID], *, wait: bool = True) -> dict[UUID, Wallet]:
        """The wallets, locked until the end of the transaction, by their owners: merged members' are their heirs'."""
        return _wallets(self._ledger.lock(members, _KINDS, wait=wait))

    def lock_with(self, members: Collection[UUID], others: Callable[[], Collection[UUID]]) -> dict[UUID, Wallet]:
        """As `lock`, of members and of others who follow from what is stored about them, all at once: if it turns out
        under the lock that there are more, everything is let go and locked anew. Whoever kept the ones and locked the
        rest later could wait in a circle with somebody who locks both."""
        wanted = {*members, *others()}
        while True:
            with self._connection.begin_nested() as attempt:
                wallets = self.lock(wanted)
                more = {*others()} - wanted
                if not more:
                    return wallets
                attempt.rollback()  # to the savepoint, which lets go what was locked since
            wanted |= more

    def read(self, members: Collection[UUID]) -> dict[UUID, Wallet]:
        """The wallets as they are posted, without a lock, by their owners as `lock` answers them."""
        return _wallets(self._ledger.read(members, _KINDS))

    def present(self, members: Collection[UUID], now: datetime) -> dict[UUID, Wallet]:
        """The wallets as they are at `now`: what is due to expire or to become available counts, posted or not."""
        wallets = {}
        for member, found in self._ledger.present(members, _KINDS, now).items():
            wallet = _wallet(member, found.positions)
            due = found.lapsed or found.matured
            wallets[member] = wallet.ahead(lapsed=found.lapsed, matured=found.matured) if due else wallet
        return wallets

    def post(self, transfers: Sequence[Transfer], now: datetime, *, lots: Sequence[Lot] = ()) -> None:
        """Write transfers of locked wallets; `lots` are those that are new, as they are after the transfers."""
        self._ledger.post(transfers, now=now, lots=lots)
        for transfer in transfers:
            self.moved[transfer.debit.kind, transfer.credit.kind] += transfer.amount

    def spendable(self, amounts: Mapping[UUID, int]) -> dict[UUID, list[Lot]]:
        """The lots from which each member's points would be taken."""
        return self._ledger.spendable(amounts)

    def lots(self, ids: Collection[UUID]) -> dict[UUID, list[Lot]]:
        """These lots, by member."""
        found: dict[UUID, list[Lot]] = {}
        for lot in self._ledger.lots(ids).values():
            found.setdefault(lot.owner, []).append(lot)
        return found

    def lots_from(self, sources: Collection[tuple[UUID, str]]) -> dict[UUID, list[Lot]]:
        """The lots that a source granted to a member and of which something is left, or has expired."""
        return self._ledger.lots_from(sources, into=BREAKAGE)

    def pending(self, members: Collection[UUID], now: datetime) -> dict[UUID, list[Lot]]:
        """The members' lots that are due to become available."""
        return self._ledger.pending(members, now)

    def maturing(self, now: datetime, limit: int) -> list[UUID]:
        """Members with lots that are due to become available, the oldest first."""
        return [lot.owner for lot in self._ledger.due(now, limit)]

    def reschedule(self, lots: Sequence[Lot]) -> None:
        """Keep from when and until when lots count."""
        self._ledger.reschedule(lots)

    def lapse(self, now: datetime, limit: int) -> int:
        """Take what is left of lots whose time is over; answers how many lots."""
        lots, points = self._ledger.expire(now, into=BREAKAGE, limit=limit)
        self.moved[AVAILABLE, BREAKAGE] += points
        return lots

    def expiring(self, after: tuple[datetime, UUID], until: datetime, limit: int) -> list[tuple[UUID, datetime, int]]:
        """Whose points expire when, after a position and until an instant, and how many."""
        return self._ledger.expiring(after, until, limit)

    def at(self, member: UUID, time: datetime) -> Wallet:
        """The wallet with all its lots as it was at a past instant."""
        found = self._ledger.balances_at(member, time)
        lots = self._ledger.lots_at(member, time)
        return Wallet(
            member,
            found.get(AVAILABLE, 0),
            found.get(HELD, 0),
            -found.get(RECEIVABLE, 0),
            pending=found.get(PENDING, 0),
            lots=tuple(lots),
        )

    def page(self, member: UUID, page: Page) -> list[Posted]:
        """Entries before a position, the newest first."""
        before = int(page.after[0]) if page.after else None
        return [
            Posted(
                entry.id,
                member,
                entry.debit,
                entry.credit,
                entry.amount,
                Cause(entry.kind, entry.source, entry.effective_time),
                entry.create_time,
                entry.lot,
            )
            for entry in self._ledger.entries(member, before=before, limit=page.fetch)
        ]


def _wallets(positions: Positions) -> dict[UUID, Wallet]:
    return {member: _wallet(member, held) for member, held in positions.items()}


def _wallet(member: UUID, held: Mapping[str, Position]) -> Wallet:
    return Wallet(
        member,
        available=held[AVAILABLE].balance,
        held=held[HELD].balance,
        receivable=-held[RECEIVABLE].balance,
        version=held[AVAILABLE].version + held[RECEIVABLE].version + held[PENDING].version,
        pending=held[PENDING].balance,
    )
