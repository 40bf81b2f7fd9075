"""A member's points: four accounts of the ledger, divided into lots, and the only ways in which points move."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from kit.posting import Account, Cause, Lot, Sign, Transfer, draw
from services.members.domain import errors
from services.members.domain.events import PointsEarned

UNIT = "points"
PENDING = "pending"
AVAILABLE = "available"
HELD = "held"
RECEIVABLE = "receivable"
EXPENSE = "expense"
CLEARING = "clearing"
BREAKAGE = "breakage"

MEMBER_ACCOUNTS = {PENDING: Sign.CREDIT, AVAILABLE: Sign.CREDIT, HELD: Sign.CREDIT, RECEIVABLE: Sign.DEBIT}
"""What every member has: points to come, points to spend, points set aside, and the only account that models debt."""

HOUSE = UUID("6b656875-0000-7000-8000-000000000001")
"""Owner of the programme's own accounts."""

HOUSE_ACCOUNTS = {EXPENSE: Sign.OPEN, CLEARING: Sign.OPEN, BREAKAGE: Sign.OPEN}
"""The cost of the points that are granted; spent points to be settled with the shop that took them; points that
expired."""

LAPSE = "LAPSE"
"""The kind of the transfers by which points of a lot expire; the other way, they reverse that."""

MAX_POINTS = 10**12
"""No single posting moves more, so that no balance can outgrow an int64."""

_EXPENSE = Account(HOUSE, EXPENSE)
_CLEARING = Account(HOUSE, CLEARING)
_BREAKAGE = Account(HOUSE, BREAKAGE)


class Terms(NamedTuple):
    """From when points can be spent (None: until something happens), until when (None: for ever), and from when on
    their owner should know of that (None: never)."""

    available_time: datetime | None
    expire_time: datetime | None = None
    notice_time: datetime | None = None

    def soon(self, now: datetime) -> bool:
        """Whether the end is so near that the owner should know of it at once, or before the points can be spent."""
        if self.notice_time is None or self.expire_time is None or self.available_time is None:
            return False
        return self.notice_time <= max(now, self.available_time) and now < self.expire_time


class Part(NamedTuple):
    """So many points of one lot; None when they belong to no lot."""

    lot: UUID | None
    points: int


_OF_LOTS = (PENDING, AVAILABLE, HELD, BREAKAGE)
"""Where the points of a lot may lie."""


class _Move(NamedTuple):
    debit: Account
    credit: Account
    points: int
    lot: UUID | None


@dataclass(frozen=True, slots=True)
class Wallet:
    """A member's balances. Each method answers the wallet after it and the transfers that lead there.

    A member never has points to spend and a debt at once: points that become available pay first, points that are taken
    back come from what there is first. `version` counts the transfers into and out of what is pending, available and
    owed. `lots` are those that were read or granted, in the order of spending: all that what is to be done touches.
    """

    member: UUID
    available: int = 0
    held: int = 0
    receivable: int = 0
    version: int = 0
    pending: int = 0
    lots: tuple[Lot, ...] = ()

    def knowing(self, lots: Iterable[Lot]) -> Wallet:
        """The wallet with these lots beside those that it knows."""
        known = {lot.id for lot in self.lots}
        found = [*self.lots, *(lot for lot in lots if lot.id not in known)]
        return replace(self, lots=tuple(sorted(found, key=lambda lot: lot.order)))

    def ahead(self, *, lapsed: int, matured: int) -> Wallet:
        """The wallet once these points have expired and those have become available, as they soon will."""
        owed, rest = draw(matured, [self.receivable])
        return replace(
            self,
            available=self.available - lapsed + rest,
            receivable=self.receivable - owed,
            pending=self.pending - matured,
        )

    def accrue(
        self, points: int, cause: Cause, *, lot: UUID, terms: Terms | None = None, now: datetime | None = None
    ) -> tuple[Wallet, list[Transfer]]:
        """Points come in as a lot: pending if their time has not come, else what the member owes is paid first.

        Without terms they can be spent at once and for ever.
        """
        terms = terms or Terms(cause.time)
        start, end, _ = terms
        soon = now is not None and terms.soon(now)
        if start is None or (now is not None and start > now):
            waiting = Lot(
                lot, self.member, cause.source, points, cause.time, start, end, pending=points, announced=soon
            )
            return _moved(_with(self, waiting), [_Move(_EXPENSE, self._account(PENDING), points, lot)], cause, new=lot)
        owed, rest = draw(points, [self.receivable])
        moves = [_Move(_EXPENSE, self._account(RECEIVABLE), owed, None)]
        if not rest:
            return _moved(self, moves, cause)
        moves.append(_Move(_EXPENSE, self._account(AVAILABLE), rest, lot))
        granted = Lot(lot, self.member, cause.source, rest, cause.time, start, end, available=rest, announced=soon)
        return _moved(_with(self, granted), moves, cause, new=lot)

    def mature(self, lot: Lot, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """The points of a pending lot can be spent: what the member owes is paid first."""
        return self._granted(self._account(PENDING), [Part(lot.id, lot.pending)], cause)

    def lapse(self, now: datetime) -> tuple[Wallet, list[Transfer]]:
        """What is left of known lots whose time is over is gone. What is held stays."""
        wallet, transfers = self, list[Transfer]()
        for lot in self.lots:
            if not lot.expired(now):
                break  # the order of spending is that of expiry
            if lot.available:
                cause = Cause(LAPSE, lot.source, lot.expire_time or now)
                wallet, lapsed = _moved(
                    wallet, [_Move(self._account(AVAILABLE), _BREAKAGE, lot.available, lot.id)], cause
                )
                transfers += lapsed
        return wallet, transfers

    def claw_back(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Earned points go back: what is left of the lots of their own source, first what is pending; then what has
        expired of these, for who never had the use of points can't owe them; then what else is available; then as a
        debt. Held points stay held."""
        own = [lot for lot in self.lots if lot.source == cause.source]
        others = [lot for lot in self.lots if lot.source != cause.source]
        sources = [
            *((PENDING, lot.id, lot.pending) for lot in own),
            *((AVAILABLE, lot.id, lot.available) for lot in own),
            *((BREAKAGE, lot.id, lot.lapsed) for lot in own),
            *((AVAILABLE, lot.id, lot.available) for lot in others),
        ]
        *taken, owed = draw(points, [most for _, _, most in sources])
        drawn = [(account, Part(lot, amount)) for (account, lot, _), amount in zip(sources, taken, strict=True)]
        wallet, revived = self._revived([part for account, part in drawn if account == BREAKAGE], cause)
        moves = [
            _Move(self._account(AVAILABLE if account == BREAKAGE else account), _EXPENSE, part.points, part.lot)
            for account, part in drawn
        ]
        wallet, transfers = _moved(wallet, [*moves, _Move(self._account(RECEIVABLE), _EXPENSE, owed, None)], cause)
        return wallet, [*revived, *transfers]

    def charge(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points go for something that was bought already: from what is available, then as a debt."""
        *parts, owed = self._draw(points)
        moves = [_Move(self._account(AVAILABLE), _CLEARING, part.points, part.lot) for part in parts]
        return _moved(self, [*moves, _Move(self._account(RECEIVABLE), _CLEARING, owed.points, None)], cause)

    def spend(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points go for something. Raises a Fault when fewer are available."""
        return self._taken(points, _CLEARING, cause)

    def deduct(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points are taken by hand. Raises a Fault when fewer are available."""
        return self._taken(points, _EXPENSE, cause)

    def hold(self, points: int, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points are set aside. Raises a Fault when fewer are available."""
        return self._taken(points, self._account(HELD), cause)

    def confirm(self, parts: Iterable[Part], cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Held points are spent."""
        return _moved(self, [_Move(self._account(HELD), _CLEARING, part.points, part.lot) for part in parts], cause)

    def release(self, parts: Sequence[Part], cause: Cause, now: datetime) -> tuple[Wallet, list[Transfer]]:
        """Held points come back to their lots: what the member owes by now is paid first. Those of a lot whose time is
        over are gone at once."""
        wallet, released = self._granted(self._account(HELD), parts, cause)
        wallet, lapsed = wallet.lapse(now)
        return wallet, [*released, *lapsed]

    def give_back(
        self, parts: Sequence[Part], cause: Cause, *, lot: UUID, terms: Terms | None, now: datetime
    ) -> tuple[Wallet, list[Transfer]]:
        """Spent points come back to the lots that they were taken from, and expire with them. What the member owes is
        paid first.

        Those of lots whose time is over, and those of no lot, become a new lot on these `terms`; without terms the
        former are gone.
        """
        known = {each.id: each for each in self.lots}
        alive = [part for part in parts if part.lot in known and not known[part.lot].expired(now)]
        late = [(known[part.lot], part.points) for part in parts if part.lot in known and known[part.lot].expired(now)]
        fresh = sum(part.points for part in parts if part.lot not in known)
        wallet, transfers = self._granted(_CLEARING, alive, cause)
        if terms:
            fresh += sum(points for _, points in late)
        else:
            for of, points in late:
                lapse = Cause(LAPSE, of.source, cause.time)
                wallet, gone = _moved(wallet, [_Move(_CLEARING, _BREAKAGE, points, of.id)], lapse)
                transfers += gone
        if fresh:
            owed, rest = draw(fresh, [wallet.receivable])
            moves = [_Move(_CLEARING, self._account(RECEIVABLE), owed, None)]
            if rest:
                start, end, _ = new_terms = terms or Terms(now)
                soon = new_terms.soon(now)
                returned = Lot(
                    lot, self.member, cause.source, rest, cause.time, start, end, available=rest, announced=soon
                )
                wallet = _with(wallet, returned)
                moves.append(_Move(_CLEARING, self._account(AVAILABLE), rest, lot))
            wallet, new = _moved(wallet, moves, cause, new=lot)
            transfers += new
        return wallet, transfers

    def earned(self, points: int, cause: Cause) -> PointsEarned:
        """The fact that this wallet came about by earning `points` (negative: by giving them back)."""
        return PointsEarned(self.member, cause.source, points, cause.time, self.version)

    def _granted(self, source: Account, parts: Sequence[Part], cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """Points of these lots become available, but for those that pay what the member owes."""
        moves, owed = list[_Move](), self.receivable
        for part in parts:
            paid, rest = draw(part.points, [owed])
            owed -= paid
            moves.append(_Move(source, self._account(RECEIVABLE), paid, part.lot))
            moves.append(_Move(source, self._account(AVAILABLE), rest, part.lot))
        return _moved(self, moves, cause)

    def _revived(self, parts: Sequence[Part], cause: Cause) -> tuple[Wallet, list[Transfer]]:
        """The reverse of `lapse`: what has expired of these lots is available, to be taken back at once."""
        moves = [_Move(_BREAKAGE, self._account(AVAILABLE), part.points, part.lot) for part in parts]
        return _moved(self, moves, replace(cause, kind=LAPSE))

    def _taken(self, points: int, to: Account, cause: Cause) -> tuple[Wallet, list[Transfer]]:
        if points > self.available:
            raise errors.points_insufficient(available=self.available, asked=points)
        return _moved(
            self,
            [_Move(self._account(AVAILABLE), to, part.points, part.lot) for part in self._draw(points)[:-1]],
            cause,
        )

    def _draw(self, points: int) -> list[Part]:
        """Take points from the lots in the order of spending; the last part is what no lot could give."""
        drawn = draw(points, [lot.available for lot in self.lots])
        return [*(Part(lot.id, part) for lot, part in zip(self.lots, drawn, strict=False)), Part(None, drawn[-1])]

    def _account(self, kind: str) -> Account:
        return Account(self.member, kind)


def parts_of(transfers: Iterable[Transfer]) -> tuple[Part, ...]:
    """Which lots transfers took from, and how much."""
    return tuple(Part(transfer.lot, transfer.amount) for transfer in transfers)


def _with(wallet: Wallet, lot: Lot) -> Wallet:
    lots = list(wallet.lots)
    insort(lots, lot, key=lambda each: each.order)
    return Wallet(
        wallet.member,
        wallet.available,
        wallet.held,
        wallet.receivable,
        wallet.version,
        wallet.pending,
        tuple(lots),
    )


def _moved(
    wallet: Wallet, moves: Sequence[_Move], cause: Cause, *, new: UUID | None = None
) -> tuple[Wallet, list[Transfer]]:
    """The wallet after these moves; the lot `new` is already as it is after them."""
    balances = {
        PENDING: wallet.pending, AVAILABLE: wallet.available, HELD: wallet.held, RECEIVABLE: -wallet.receivable,
    }  # fmt: skip
    transfers, version = list[Transfer](), wallet.version
    drawn: dict[UUID, dict[str, int]] = {}
    for debit, credit, points, lot in moves:
        if not points:
            continue
        transfers.append(Transfer(debit, credit, points, cause, lot))
        for account, gain in ((debit, -points), (credit, points)):
            if account.kind in balances:
                balances[account.kind] += gain
                version += account.kind != HELD
            if lot is not None and lot != new and account.kind in _OF_LOTS:
                drawn.setdefault(lot, dict.fromkeys(_OF_LOTS, 0))[account.kind] += gain
    lots = wallet.lots
    if drawn:
        lots = tuple(_drawn(lot, drawn[lot.id]) if lot.id in drawn else lot for lot in lots)
    return (
        Wallet(
            wallet.member,
            balances[AVAILABLE],
            balances[HELD],
            -balances[RECEIVABLE],
            version,
            balances[PENDING],
            lots,
        ),
        transfers,
    )


def _drawn(lot: Lot, change: dict[str, int]) -> Lot:
    return Lot(
        lot.id,
        lot.owner,
        lot.source,
        lot.granted,
        lot.grant_time,
        lot.available_time,
        lot.expire_time,
        lot.pending + change[PENDING],
        lot.available + change[AVAILABLE],
        lot.held + change[HELD],
        lot.lapsed + change[BREAKAGE],
        lot.announced,
    )


@dataclass(frozen=True, slots=True)
class Posted:
    """A transfer as it stands in the member's account; `id` rises with time."""

    id: int
    member: UUID
    debit: str
    credit: str
    points: int
    cause: Cause
    create_time: datetime
    lot: UUID | None = None
