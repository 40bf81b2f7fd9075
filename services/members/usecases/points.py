"""Points come and go. The commands are sets: many callers' commands are one transaction, and one that fails leaves its
neighbours alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, TypeVar
from uuid import UUID

from kit.errors import Fault
from kit.page import Page
from kit.posting import Cause, Transfer
from services.members.domain import errors
from services.members.domain.points import Posted, Wallet
from services.members.usecases.ports import Unit

R = TypeVar("R")
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Accrue:
    """Give points to a member, as earned at `time` (by default now)."""

    member: UUID
    points: int
    source: str
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Spend:
    """Take points from a member."""

    member: UUID
    points: int
    source: str


class Batch:
    """The locked wallets of many commands, which are folded into them one after the other."""

    def __init__(self, unit: Unit, members: Collection[UUID], *, wait: bool = True) -> None:
        self.now = unit.now
        self.facts: list[object] = []
        self._unit = unit
        self._wallets = unit.wallets.lock(members, wait=wait)
        self._transfers: list[Transfer] = []

    def __contains__(self, member: UUID) -> bool:
        return member in self._wallets

    def wallet(self, member: UUID) -> Wallet:
        """The wallet after the commands so far. Raises a Fault when there is no such member."""
        if member not in self._wallets:
            raise errors.member_not_found(member)
        return self._wallets[member]

    def post(self, wallet: Wallet, transfers: Sequence[Transfer]) -> Wallet:
        """Take over what a wallet's method answered."""
        self._wallets[wallet.member] = wallet
        self._transfers.extend(transfers)
        return wallet

    def earn(self, wallet: Wallet, points: int, cause: Cause) -> Wallet:
        """Accrue points, or claw them back when negative, and say so."""
        moved = wallet.accrue(points, cause) if points > 0 else wallet.claw_back(-points, cause)
        earned = self.post(*moved)
        self.facts.append(earned.earned(points, cause))
        return earned

    def close(self) -> None:
        """Write all transfers and publish all facts."""
        self._unit.wallets.post(self._transfers, self.now)
        self._unit.emit(self.facts)


def attempt(step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | Fault:
    """What a step answers, or the Fault that it raises. A step changes nothing before it can fail no more."""
    try:
        return step(*args, **kwargs)
    except Fault as fault:
        return fault


def accrue(unit: Unit, commands: Sequence[Accrue]) -> list[Wallet | Fault]:
    """Give points; answers the wallets after each command."""
    batch = Batch(unit, {command.member for command in commands})
    outcomes = [attempt(_accrue, batch, command) for command in commands]
    batch.close()
    return outcomes


def spend(unit: Unit, commands: Sequence[Spend]) -> list[Wallet | Fault]:
    """Take points; answers the wallets after each command. Refused when fewer are available."""
    batch = Batch(unit, {command.member for command in commands})
    outcomes = [attempt(_spend, batch, command) for command in commands]
    batch.close()
    return outcomes


def balances(unit: Unit, members: Sequence[UUID]) -> list[Wallet | Fault]:
    """The present balances of many members."""
    wallets = unit.wallets.read(set(members))
    return [wallets.get(member) or errors.member_not_found(member) for member in members]


def entries(unit: Unit, member: UUID, page: Page) -> list[Posted]:
    """A page of a member's entries, the newest first. Raises a Fault when there is no such member."""
    found = unit.wallets.page(member, page)
    if not found and member not in unit.wallets.read([member]):
        raise errors.member_not_found(member)
    return found


def _accrue(batch: Batch, command: Accrue) -> Wallet:
    cause = Cause("ACCRUAL", command.source, command.time or batch.now)
    return batch.earn(batch.wallet(command.member), command.points, cause)


def _spend(batch: Batch, command: Spend) -> Wallet:
    wallet = batch.wallet(command.member)
    return batch.post(*wallet.spend(command.points, Cause("SPEND", command.source, batch.now)))
