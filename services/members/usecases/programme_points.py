"""Points of any programme come and go. The commands are sets, as those of the default programme's points are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from kit.errors import Fault
from kit.posting import Cause
from services.members.domain.points import Wallet
from services.members.domain.programme import DEFAULT
from services.members.usecases import points
from services.members.usecases.batches import Batches
from services.members.usecases.points import Accrue, Spend, attempt
from services.members.usecases.ports import Unit

Command = TypeVar("Command", Accrue, Spend)


class Changed(NamedTuple):
    """A wallet after a command, and the programme whose points are in it."""

    wallet: Wallet
    programme: str


def accrue(unit: Unit, commands: Sequence[Accrue]) -> list[Changed | Fault]:
    """Give points; answers the wallets after each command."""
    return _each(unit, commands, points.accrue, _accrue)


def spend(unit: Unit, commands: Sequence[Spend]) -> list[Changed | Fault]:
    """Take points; answers the wallets after each command. Refused when fewer are available."""
    return _each(unit, commands, points.spend, _spend)


def _each(
    unit: Unit,
    commands: Sequence[Command],
    usual: Callable[[Unit, Sequence[Command]], list[Wallet | Fault]],
    step: Callable[[Batches, Command], Wallet],
) -> list[Changed | Fault]:
    """The outcomes in the order of the commands. Where all are of the default programme, it goes the shorter way."""
    if all(command.programme == DEFAULT for command in commands):
        outcomes = usual(unit, commands)
    else:
        batches = Batches(unit, {command.member for command in commands})
        batches.open((command.programme, command.member) for command in commands)
        spends = [command for command in commands if isinstance(command, Spend)]
        batches.spending((command.programme, command.member, command.points) for command in spends)
        outcomes = [attempt(step, batches, command) for command in commands]
        batches.close()
    return [_changed(outcome, command.programme) for outcome, command in zip(outcomes, commands, strict=True)]


def _accrue(batches: Batches, command: Accrue) -> Wallet:
    owner, batch = batches.owner(command.member), batches.of(command.programme)
    cause = Cause("ACCRUAL", command.source, command.time or batches.now)
    terms = batches.programme(command.programme).terms_at_once(cause.time)
    return batch.earn(batch.wallet(owner), command.points, cause, terms)


def _spend(batches: Batches, command: Spend) -> Wallet:
    owner, batch = batches.owner(command.member), batches.of(command.programme)
    return batch.post(*batch.wallet(owner).spend(command.points, Cause("SPEND", command.source, batches.now)))


def _changed(outcome: Wallet | Fault, programme: str) -> Changed | Fault:
    return outcome if isinstance(outcome, Fault) else Changed(outcome, programme)
