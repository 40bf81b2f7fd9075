"""Points come and go. The commands are sets: many callers' commands are one transaction, and one that fails leaves its
neighbours alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ParamSpec, TypeVar
from uuid import UUID

from kit.errors import Fault
from kit.page import Page
from kit.posting import Cause, Lot, Transfer
from services.members.domain import errors
from services.members.domain.events import PointsExpiring
from services.members.domain.hold import Hold
from services.members.domain.points import MAX_POINTS, Posted, Terms, Wallet
from services.members.domain.programme import DEFAULT, Programme
from services.members.usecases.ports import PostingUnit, Unit

R = TypeVar("R")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Accrue:
    """Give points of a programme to a member, as earned at `time` (by default now)."""

    member: UUID
    points: int
    source: str
    time: datetime | None = None
    programme: str = DEFAULT


@dataclass(frozen=True, slots=True)
class Spend:
    """Take points of a programme from a member."""

    member: UUID
    points: int
    source: str
    programme: str = DEFAULT


class Batch:
    """The locked wallets of many commands, which are folded into them one after the other."""

    def __init__(self, unit: PostingUnit, members: Collection[UUID], *, wait: bool = True) -> None:
        self.now = unit.now
        self.facts: list[object] = []
        self._unit = unit
        self._wallets = unit.wallets.lock(members, wait=wait)
        self._transfers: list[Transfer] = []
        self._known: set[UUID] = set()
        self._rescheduled: list[Lot] = []

    def __contains__(self, member: UUID) -> bool:
        return self._unit.wallets.heir(member) in self._wallets

    def wallet(self, member: UUID) -> Wallet:
        """The wallet after the commands so far: that of the heir, if the member was merged into another.

        Raises a Fault when there is no such member.
        """
        heir = self._unit.wallets.heir(member)
        if heir not in self._wallets:
            raise errors.member_not_found(member)
        return self._wallets[heir]

    def spending(self, amounts: Iterable[tuple[UUID, int]]) -> None:
        """Read the lots that these points will be taken from.

        Whatever is due by now expires or becomes available first, as if the sweeps had just been.
        """
        totals: dict[UUID, int] = {}
        for member, points in amounts:
            heir = self._unit.wallets.heir(member)
            if heir in self._wallets:
                totals[heir] = totals.get(heir, 0) + points
        if not totals:
            return
        self._mature(self._unit.wallets.pending(totals, self.now))
        self._know(self._unit.wallets.spendable(totals))
        lapsed = {member for member in totals if self._lapse(self._wallets[member])}
        if lapsed:  # they were read in the place of others
            self._know(self._unit.wallets.spendable(dict.fromkeys(lapsed, MAX_POINTS)))

    def returning(self, holds: Iterable[Hold]) -> None:
        """Read the lots that these holds were drawn from."""
        lots = {part.lot for hold in holds for part in hold.parts if part.lot is not None}
        if lots:
            self._know(self._unit.wallets.lots(lots))

    def reclaiming(self, sources: Iterable[tuple[UUID, str, int]]) -> None:
        """Read the lots from which so many points of a member will be taken back that a source had granted."""
        asked = [(self._unit.wallets.heir(member), source, points) for member, source, points in sources]
        if asked:
            self._know(self._unit.wallets.lots_from({(member, source) for member, source, _ in asked}))
            self.spending((member, points) for member, _, points in asked)

    def schedule(self, member: UUID, source: str, terms: Terms) -> None:
        """What a source granted, and waits for this, can be spent on these terms. Its lots were read before."""
        wallet = self.wallet(member)
        waiting = [lot for lot in wallet.lots if lot.source == source and lot.pending and lot.available_time is None]
        if not waiting:
            return
        start, end, _ = terms
        soon = terms.soon(self.now)
        known = {lot.id: replace(lot, available_time=start, expire_time=end, announced=soon) for lot in waiting}
        self._rescheduled += known.values()
        lots = sorted((known.get(lot.id, lot) for lot in wallet.lots), key=lambda lot: lot.order)
        self._wallets[wallet.member] = replace(wallet, lots=tuple(lots))
        if start is not None and start <= self.now:
            self._mature({wallet.member: list(known.values())})

    def post(self, wallet: Wallet, transfers: Sequence[Transfer]) -> Wallet:
        """Take over what a wallet's method answered."""
        self._wallets[wallet.member] = wallet
        self._transfers.extend(transfers)
        return wallet

    def earn(self, wallet: Wallet, points: int, cause: Cause, terms: Terms | None = None) -> Wallet:
        """Accrue points on these terms (none: at once, for ever), or claw them back when negative, and say so."""
        if points > 0:
            moved = wallet.accrue(points, cause, lot=self._unit.new_id(), terms=terms, now=self.now)
        else:
            moved = wallet.claw_back(-points, cause)
        earned = self.post(*moved)
        self.facts.append(earned.earned(points, cause))
        return earned

    def refund(self, hold: Hold, total: int, terms: Terms | None) -> Hold:
        """Give back spent points of a hold, `total` by all refunds so far. Its lots were read before."""
        wallet = self.wallet(hold.member)
        refunded, wallet, transfers = hold.refund(wallet, total, self.now, lot=self._unit.new_id(), terms=terms)
        self.post(wallet, transfers)
        return refunded

    def close(self) -> None:
        """Write all transfers and publish all facts."""
        new = [lot for wallet in self._wallets.values() for lot in wallet.lots if lot.id not in self._known]
        rescheduled = [lot for lot in self._rescheduled if lot.id in self._known]
        self._unit.wallets.post(self._transfers, self.now, lots=new)
        self._unit.wallets.reschedule(rescheduled)
        self._unit.emit([*self.facts, *self._expiring([*new, *rescheduled])])

    def _expiring(self, lots: Iterable[Lot]) -> Iterator[PointsExpiring]:
        """Who is to know at once that points expire: the sweep tells of those only whose end is farther away."""
        amounts: dict[tuple[UUID, datetime], int] = {}
        for lot in lots:
            if lot.announced and lot.expire_time:
                key = lot.owner, lot.expire_time
                amounts[key] = amounts.get(key, 0) + lot.pending + lot.available
        for (member, time), points in amounts.items():
            if points:
                yield PointsExpiring(member, points, time, DEFAULT, self.now)

    def _know(self, lots: Mapping[UUID, Sequence[Lot]]) -> None:
        for member, found in lots.items():
            if member not in self._wallets:
                continue  # they went back with a member when a merge was undone
            self._known.update(lot.id for lot in found)
            self._wallets[member] = self._wallets[member].knowing(found)

    def _lapse(self, wallet: Wallet) -> bool:
        lapsed, transfers = wallet.lapse(self.now)
        self.post(lapsed, transfers)
        return bool(transfers)

    def _mature(self, lots: Mapping[UUID, Sequence[Lot]]) -> None:
        """Make pending lots available. They are known from here on."""
        self._know(lots)
        for member, due in lots.items():
            ids = {lot.id for lot in due}
            known = [lot for lot in self._wallets[member].lots if lot.id in ids]
            for lot in sorted(known, key=lambda lot: (lot.available_time or self.now, lot.order)):
                cause = Cause("MATURE", lot.source, lot.available_time or self.now)
                self.post(*self._wallets[member].mature(lot, cause))


def attempt(step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | Fault:
    """What a step answers, or the Fault that it raises. A step changes nothing before it can fail no more."""
    try:
        return step(*args, **kwargs)
    except Fault as fault:
        return fault


def accrue(unit: Unit, commands: Sequence[Accrue]) -> list[Wallet | Fault]:
    """Give points; answers the wallets after each command."""
    programme = unit.programmes.current()
    batch = Batch(unit, {command.member for command in commands})
    outcomes = [attempt(_accrue, batch, programme, command) for command in commands]
    batch.close()
    return outcomes


def spend(unit: Unit, commands: Sequence[Spend]) -> list[Wallet | Fault]:
    """Take points; answers the wallets after each command. Refused when fewer are available."""
    batch = Batch(unit, {command.member for command in commands})
    batch.spending((command.member, command.points) for command in commands)
    outcomes = [attempt(_spend, batch, command) for command in commands]
    batch.close()
    return outcomes


def balances(unit: Unit, members: Sequence[UUID]) -> list[Wallet | Fault]:
    """The present balances of many members."""
    wallets = unit.wallets.present(set(members), unit.now)
    return [wallets.get(unit.wallets.heir(member)) or errors.member_not_found(member) for member in members]


@dataclass(frozen=True, slots=True)
class LotsAsked:
    """A member's lots of a programme at a moment, by default now, and only those that expire before another one."""

    member: UUID
    time: datetime | None = None
    expire_before: datetime | None = None
    programme: str = DEFAULT


def balance_at(unit: Unit, member: UUID, time: datetime, programme: str = DEFAULT) -> Wallet:
    """The balances and lots of a member as they were at a past instant. Raises a Fault when there is no such member or
    programme.

    What was due by then counts, also if it was swept a moment later.
    """
    owner = _owner(unit, member, programme)
    wallet = unit.wallets_of(programme).at(owner, time)
    lapsed = sum(lot.available for lot in wallet.lots if lot.expired(time))
    matured = sum(lot.pending for lot in wallet.lots if lot.mature(time))
    lots = [lot.due(time) for lot in wallet.lots]
    ahead = wallet.ahead(lapsed=lapsed, matured=matured)
    return replace(ahead, lots=tuple(lot for lot in lots if lot.pending or lot.available or lot.held))


def lots(unit: Unit, asked: LotsAsked) -> list[Lot]:
    """The lots of which something is left, in the order of spending. Raises a Fault when there is no such member or
    programme."""
    found = balance_at(unit, asked.member, asked.time or unit.now, asked.programme).lots
    if asked.expire_before is None:
        return list(found)
    return [lot for lot in found if lot.expired(asked.expire_before) and lot.expire_time != asked.expire_before]


def balance_of(unit: Unit, member: UUID, programme: str) -> Wallet:
    """The present balances in a programme, empty before there were any points. Raises a Fault when there is no such
    member or programme."""
    owner = _owner(unit, member, programme)
    return unit.wallets_of(programme).present({owner}, unit.now).get(owner, Wallet(owner))


def entries(unit: Unit, member: UUID, page: Page, programme: str = DEFAULT) -> list[Posted]:
    """A page of a member's entries, the newest first. Raises a Fault when there is no such member or programme."""
    found = unit.wallets_of(programme).page(member, page)
    if not found:
        _owner(unit, member, programme)
    return found


def _owner(unit: Unit, member: UUID, programme: str) -> UUID:
    """Whose wallet stands for the member's. Raises a Fault when there is no such member or programme."""
    wallets = unit.wallets.read([member])
    owner = unit.wallets.heir(member)
    if owner not in wallets:
        raise errors.member_not_found(member)
    if programme != DEFAULT and unit.programmes.find(programme) is None:
        raise errors.programme_not_found(programme)
    return owner


def _accrue(batch: Batch, programme: Programme, command: Accrue) -> Wallet:
    cause = Cause("ACCRUAL", command.source, command.time or batch.now)
    return batch.earn(batch.wallet(command.member), command.points, cause, programme.terms_at_once(cause.time))


def _spend(batch: Batch, command: Spend) -> Wallet:
    wallet = batch.wallet(command.member)
    return batch.post(*wallet.spend(command.points, Cause("SPEND", command.source, batch.now)))
