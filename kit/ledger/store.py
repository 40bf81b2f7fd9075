"""A ledger as a transaction works on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.sql.elements import TextClause

from kit.ledger import statements
from kit.posting import Lot, Sign, Transfer, changes


class Position(NamedTuple):
    """Where an account stands: its balance, and how many transfers have touched it."""

    balance: int
    version: int


Positions = dict[UUID, dict[str, Position]]
"""By owner, then by kind of account."""


class Present(NamedTuple):
    """An owner's accounts by kind; `lapsed` of what is available should have expired, and `matured` of what is pending
    should have become available by now, but for the next sweep."""

    positions: dict[str, Position]
    lapsed: int
    matured: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A posted transfer, as one of its owners sees it. `id` rises with time within an account."""

    id: int
    debit: str
    credit: str
    amount: int
    kind: str
    source: str
    effective_time: datetime
    create_time: datetime
    lot: UUID | None = None


class Ledger:
    """The ledger of one unit of account, such as points, in one transaction.

    `house` owns the open accounts, those of the enterprise itself.
    """

    def __init__(self, connection: Connection, *, unit: str, house: UUID) -> None:
        self._connection = connection
        self._unit = unit
        self._house = house
        self._ids: dict[UUID, dict[str, int]] = {}
        self._heirs: dict[UUID, UUID] = {}

    def heir(self, owner: UUID) -> UUID:
        """Who has taken over the owner's accounts; the owner, if nobody has. Known once they are read or locked."""
        while owner in self._heirs:
            owner = self._heirs[owner]
        return owner

    def open(self, owners: Sequence[UUID], signs: Mapping[str, Sign]) -> None:
        """Open the same accounts, each empty, for every owner."""
        columns = {
            "unit": self._unit,
            "owners": [owner for owner in owners for _ in signs],
            "kinds": [kind for _ in owners for kind in signs],
            "signs": [int(sign) for _ in owners for sign in signs.values()],
        }
        self._connection.execute(statements.OPEN, columns)

    def lock(self, owners: Collection[UUID], kinds: Sequence[str], *, wait: bool = True) -> Positions:
        """Lock accounts until the end of the transaction; owners without such accounts are missing in the answer.

        Accounts are locked in one order, so that two transactions can't lock each other out. Without `wait`, owners
        that another transaction has locked are left out. Whoever asks for an owner whose accounts were taken over gets
        those of the heir, under the heir's own id.
        """
        positions = self._positions(statements.LOCK if wait else statements.LOCK_FREE, owners, kinds)
        return {owner: held for owner, held in positions.items() if len(held) == len(kinds)}

    def read(self, owners: Collection[UUID], kinds: Sequence[str]) -> Positions:
        """Where the accounts stand, without a lock."""
        return self._positions(statements.READ, owners, kinds)

    def present(self, owners: Collection[UUID], kinds: Sequence[str], now: datetime) -> dict[UUID, Present]:
        """Where the accounts stand, without a lock, and what of their lots is due by now; by owner as in `lock`."""
        query = {"unit": self._unit, "owners": list(owners), "kinds": list(kinds), "now": now}
        found: dict[UUID, Present] = {}
        for owner, held, balances, versions, heir, lapsed, matured in self._connection.execute(
            statements.PRESENT, query
        ).all():
            if self._known_heir(owner, heir) is None:
                found[owner] = Present(dict(zip(held, map(Position, balances, versions), strict=True)), lapsed, matured)
        heirs = {self.heir(owner) for owner in owners if owner in self._heirs} - found.keys()
        return found | self.present(heirs, kinds, now) if heirs else found

    def take_over(self, owner: UUID, heir: UUID) -> None:
        """From now on the heir's accounts stand for the owner's, which must be locked and empty."""
        self._connection.execute(statements.TAKE_OVER, {"unit": self._unit, "owner": owner, "heir": heir})
        self._heirs[owner] = heir

    def post(self, transfers: Sequence[Transfer], *, now: datetime, lots: Sequence[Lot] = ()) -> None:
        """Write the transfers, move the balances, and what is left of the lots. The accounts must be locked.

        `lots` are the new ones, as they are after the transfers.
        """
        if not transfers:
            return
        ids = self._ids
        moved = [
            (ids[owner][kind], *change) for (owner, kind), change in changes(transfers).items() if owner != self._house
        ]
        causes = [transfer.cause for transfer in transfers]
        drawn = _drawn(transfers, {lot.id for lot in lots})
        self._connection.execute(
            statements.POST if drawn or lots else statements.POST_WITHOUT_LOTS,
            {
                **(_lots(self._unit, lots, drawn) if drawn or lots else {}),
                "lots": [transfer.lot for transfer in transfers],
                "accounts": [account for account, _, _ in moved],
                "changes": [amount for _, amount, _ in moved],
                "counts": [count for _, _, count in moved],
                "debits": [ids[transfer.debit.owner][transfer.debit.kind] for transfer in transfers],
                "credits": [ids[transfer.credit.owner][transfer.credit.kind] for transfer in transfers],
                "amounts": [transfer.amount for transfer in transfers],
                "kinds": [cause.kind for cause in causes],
                "sources": [cause.source for cause in causes],
                "times": [cause.time for cause in causes],
                "now": now,
            },
        )

    def entries(self, owner: UUID, *, before: int | None, limit: int) -> list[Entry]:
        """The owner's entries with an id below `before`, the newest first."""
        query = {"unit": self._unit, "owner": owner, "before": before, "limit": limit}
        return [Entry(*row) for row in self._connection.execute(statements.ENTRIES, query).all()]

    def spendable(self, amounts: Mapping[UUID, int]) -> dict[UUID, list[Lot]]:
        """The lots from which each owner's amount would be taken, in the order of spending; more than those, perhaps.

        Few lots are read at first, and all only of those owners whose first ones don't suffice.
        """
        found = self._spendable(amounts, _FEW_LOTS)
        short = [
            owner
            for owner, lots in found.items()
            if len(lots) == _FEW_LOTS and sum(lot.available for lot in lots) < amounts[owner]
        ]
        return found | (self._spendable({owner: amounts[owner] for owner in short}, None) if short else {})

    def lots(self, ids: Collection[UUID]) -> dict[UUID, Lot]:
        """The lots with these ids."""
        return {row.id: Lot(*row) for row in self._connection.execute(statements.LOTS, {"ids": list(ids)}).all()}

    def lots_from(self, sources: Collection[tuple[UUID, str]], *, into: str) -> dict[UUID, list[Lot]]:
        """The lots of each owner that a source granted and of which something is left, or has gone to the house's
        account `into` when it expired."""
        query = {
            "unit": self._unit,
            "into": into,
            "owners": [owner for owner, _ in sources],
            "sources": [source for _, source in sources],
        }
        return _by_owner(self._connection.execute(statements.LOTS_FROM, query).all())

    def expire(self, now: datetime, *, into: str, limit: int) -> tuple[int, int]:
        """Move what is left of lots whose time is over to the house's account `into`; answers how many lots, and how
        much of them all.

        What is held is left alone: a hold shields its lots. Owners that others work on have the next turn.
        """
        owners = max(1, limit // _LOTS_PER_OWNER)
        query = {
            **self._due(now, limit),
            "owners": owners,
            "window": owners * _SWEEPERS,
            "house": self._house,
            "into": into,
        }
        lots, amount = self._connection.execute(statements.EXPIRE, query).one()
        return lots, int(amount)

    def expiring(self, after: tuple[datetime, UUID], until: datetime, limit: int) -> list[tuple[UUID, datetime, int]]:
        """What will expire after a position and until an instant, but for what was announced before: owner, instant and
        amount, in the order of the latter two, which are the position."""
        query = {"unit": self._unit, "after": after[0], "owner": after[1], "until": until, "limit": limit}
        rows = self._connection.execute(statements.EXPIRING, query).all()
        return [(owner, time, int(amount)) for owner, time, amount in rows]

    def due(self, now: datetime, limit: int) -> list[Lot]:
        """Pending lots whose time has come, the oldest first."""
        return [Lot(*row) for row in self._connection.execute(statements.DUE_TO_MATURE, self._due(now, limit)).all()]

    def pending(self, owners: Collection[UUID], now: datetime) -> dict[UUID, list[Lot]]:
        """The pending lots of these owners whose time has come."""
        query = {"unit": self._unit, "owners": list(owners), "now": now}
        return _by_owner(self._connection.execute(statements.PENDING_OF, query).all())

    def reschedule(self, lots: Sequence[Lot]) -> None:
        """Set from when and until when lots count, and whether their owners were told of the end."""
        if not lots:
            return
        self._connection.execute(
            statements.SET_AVAILABLE_TIME,
            {
                "ids": [lot.id for lot in lots],
                "times": [lot.available_time for lot in lots],
                "expire_times": [lot.expire_time for lot in lots],
                "announced": [lot.announced for lot in lots],
            },
        )

    def balances_at(self, owner: UUID, time: datetime) -> dict[str, int]:
        """The owner's balances as they were at a past instant, from the entries alone."""
        query = {"unit": self._unit, "owner": owner, "time": time}
        return {kind: int(balance) for kind, balance in self._connection.execute(statements.BALANCES_AT, query).all()}

    def lots_at(self, owner: UUID, time: datetime) -> list[Lot]:
        """The owner's lots of which something was left at a past instant, in the order of spending."""
        query = {"unit": self._unit, "owner": owner, "time": time}
        return sorted(
            (Lot(*row) for row in self._connection.execute(statements.LOTS_AT, query).all()), key=lambda lot: lot.order
        )

    def _due(self, now: datetime, limit: int) -> dict[str, object]:
        return {"unit": self._unit, "now": now, "limit": limit}

    def _spendable(self, amounts: Mapping[UUID, int], limit: int | None) -> dict[UUID, list[Lot]]:
        query = {
            "unit": self._unit,
            "owners": list(amounts),
            "amounts": list(amounts.values()),
            "limit": limit,
        }
        return _by_owner(self._connection.execute(statements.SPENDABLE, query).all())

    def _positions(self, statement: TextClause, owners: Collection[UUID], kinds: Sequence[str]) -> Positions:
        """Read rows of one owner each, and keep the accounts' ids for `post`."""
        query = {"unit": self._unit, "owners": list(owners), "kinds": list(kinds), "house": self._house}
        positions: Positions = {}
        for owner, found, ids, balances, versions, heir in self._connection.execute(statement, query).all():
            self._ids.setdefault(owner, {}).update(zip(found, ids, strict=True))
            if self._known_heir(owner, heir) is None and owner != self._house:
                positions[owner] = dict(zip(found, map(Position, balances, versions), strict=True))
        heirs = {self.heir(owner) for owner in owners if owner in self._heirs} - positions.keys()
        return positions | self._positions(statement, heirs, kinds) if heirs else positions

    def _known_heir(self, owner: UUID, heir: UUID | None) -> UUID | None:
        if heir is None:
            self._heirs.pop(owner, None)
        else:
            self._heirs[owner] = heir
        return heir


_FEW_LOTS = 32

_LOTS_PER_OWNER = 2
"""Lots that expire at once are often many of few owners: so many are expected when a round is planned."""

_SWEEPERS = 4
"""How many may sweep at once and still find something: so much more is looked at than is taken."""

_LOT_ACCOUNTS = ("pending", "available", "held")


def _by_owner(rows: Sequence[Any]) -> dict[UUID, list[Lot]]:
    lots: dict[UUID, list[Lot]] = {}
    for row in rows:
        lots.setdefault(row.owner, []).append(Lot(*row))
    return lots


def _drawn(transfers: Sequence[Transfer], new: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What the transfers do to each lot but the new ones, by account."""
    drawn: dict[UUID, dict[str, int]] = {}
    for transfer in transfers:
        if transfer.lot is None or transfer.lot in new:
            continue
        change = drawn.setdefault(transfer.lot, dict.fromkeys(_LOT_ACCOUNTS, 0))
        for kind, amount in ((transfer.debit.kind, -transfer.amount), (transfer.credit.kind, transfer.amount)):
            if kind in change:
                change[kind] += amount
    return drawn


def _lots(unit: str, new: Sequence[Lot], drawn: Mapping[UUID, Mapping[str, int]]) -> dict[str, object]:
    return {
        "unit": unit,
        "new": [lot.id for lot in new],
        "owners": [lot.owner for lot in new],
        "lot_sources": [lot.source for lot in new],
        "granted": [lot.granted for lot in new],
        "grant_times": [lot.grant_time for lot in new],
        "available_times": [lot.available_time for lot in new],
        "expire_times": [lot.expire_time for lot in new],
        "pending": [lot.pending for lot in new],
        "available": [lot.available for lot in new],
        "held": [lot.held for lot in new],
        "announced": [lot.announced for lot in new],
        "drawn": list(drawn),
        "drawn_pending": [change["pending"] for change in drawn.values()],
        "drawn_available": [change["available"] for change in drawn.values()],
        "drawn_held": [change["held"] for change in drawn.values()],
    }
