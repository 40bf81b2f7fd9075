"""Points of any programme come and go. The commands are sets, as those of the default programme's points are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from kit.errors import Fault
from kit.posting import Cause
from services.members.domain import errors
from services.members.domain.points import Wallet
from services.members.domain.programme import DEFAULT, Programme
from services.members.usecases import points
from services.members.usecases.points import Accrue, Batch, Spend, attempt
from services.members.usecases.ports import Unit
from services.members.usecases.within import Within

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
    step: Callable[[Batch, Programme, Command], Wallet],
) -> list[Changed | Fault]:
    """The outcomes in the order of the commands, which are taken programme by programme."""
    outcomes: dict[int, Wallet | Fault] = {}
    for id_ in sorted({command.programme for command in commands}, key=lambda id_: (id_ != DEFAULT, id_)):
        mine = [at for at, command in enumerate(commands) if command.programme == id_]
        group = [commands[at] for at in mine]
        found = usual(unit, group) if id_ == DEFAULT else _within(unit, id_, group, step)
        outcomes |= dict(zip(mine, found, strict=True))
    return [_changed(outcomes[at], command.programme) for at, command in enumerate(commands)]


def _within(
    unit: Unit, id_: str, commands: Sequence[Command], step: Callable[[Batch, Programme, Command], Wallet]
) -> list[Wallet | Fault]:
    programme = unit.programmes.find(id_)
    if programme is None:
        return [errors.programme_not_found(id_) for _ in commands]
    within = Within(unit, id_)
    known = unit.wallets.lock({command.member for command in commands})
    within.wallets.open_late(known)
    batch = Batch(within, {command.member for command in commands})
    batch.spending((command.member, command.points) for command in commands if isinstance(command, Spend))
    outcomes = [attempt(step, batch, programme, command) for command in commands]
    batch.close()
    return outcomes


def _accrue(batch: Batch, programme: Programme, command: Accrue) -> Wallet:
    cause = Cause("ACCRUAL", command.source, command.time or batch.now)
    return batch.earn(batch.wallet(command.member), command.points, cause, programme.terms_at_once(cause.time))


def _spend(batch: Batch, _: Programme, command: Spend) -> Wallet:
    wallet = batch.wallet(command.member)
    return batch.post(*wallet.spend(command.points, Cause("SPEND", command.source, batch.now)))


def _changed(outcome: Wallet | Fault, programme: str) -> Changed | Fault:
    return outcome if isinstance(outcome, Fault) else Changed(outcome, programme)
