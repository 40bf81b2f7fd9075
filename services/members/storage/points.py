"""Wallets: a member's three accounts of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from kit.ledger import Ledger, Positions
from kit.page import Page
from kit.posting import Cause, Transfer
from services.members.domain.points import AVAILABLE, HELD, HOUSE, MEMBER_ACCOUNTS, RECEIVABLE, UNIT, Posted, Wallet

_KINDS = tuple(MEMBER_ACCOUNTS)


class WalletStore:
    """Reads, locks and posts to members' points."""

    def __init__(self, connection: Connection) -> None:
        self._ledger = Ledger(connection, unit=UNIT, house=HOUSE)

    def open(self, members: Sequence[UUID]) -> None:
        """Open the accounts of new members."""
        self._ledger.open(members, MEMBER_ACCOUNTS)

    def lock(self, members: Collection[UUID], *, wait: bool = True) -> dict[UUID, Wallet]:
        """The wallets, locked until the end of the transaction."""
        return _wallets(self._ledger.lock(members, _KINDS, wait=wait))

    def read(self, members: Collection[UUID]) -> dict[UUID, Wallet]:
        """The wallets, without a lock."""
        return _wallets(self._ledger.read(members, _KINDS))

    def post(self, transfers: Sequence[Transfer], now: datetime) -> None:
        """Write transfers of locked wallets."""
        self._ledger.post(transfers, now=now)

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
            )
            for entry in self._ledger.entries(member, before=before, limit=page.fetch)
        ]


def _wallets(positions: Positions) -> dict[UUID, Wallet]:
    return {
        member: Wallet(
            member,
            available=held[AVAILABLE].balance,
            held=held[HELD].balance,
            receivable=-held[RECEIVABLE].balance,
            version=held[AVAILABLE].version + held[RECEIVABLE].version,
        )
        for member, held in positions.items()
    }
