"""Holds on points: place, confirm, release, expire. The commands are sets, as those of points are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kit.errors import Fault
from kit.posting import Transfer
from services.members.domain import errors
from services.members.domain.hold import Hold
from services.members.domain.points import Wallet
from services.members.domain.programme import Programme
from services.members.usecases import tier
from services.members.usecases.points import Batch, attempt
from services.members.usecases.ports import Unit

_SWEEP = 2_000
"""Holds that expire in one transaction: some 200 ms of work."""


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Set points of a member aside for `ttl`."""

    hold: UUID
    member: UUID
    points: int
    source: str
    ttl: timedelta


@dataclass(frozen=True, slots=True)
class HoldKey:
    """A hold of a member."""

    member: UUID
    hold: UUID


@dataclass(frozen=True, slots=True)
class EndHold:
    """Bring a member's hold to its end; `points` are those to be spent, 0 for all."""

    member: UUID
    hold: UUID
    points: int = 0


End = Callable[[Hold, Wallet, datetime], tuple[Hold, Wallet, list[Transfer]]]


def place(unit: Unit, commands: Sequence[PlaceHold]) -> list[Hold | Fault]:
    """Place holds; answers each. Refused when fewer points are available."""
    programme = unit.programmes.current()
    batch = Batch(unit, {command.member for command in commands})
    batch.spending((command.member, command.points) for command in commands)
    outcomes = [attempt(_place, batch, programme, command) for command in commands]
    unit.holds.add([hold for hold in outcomes if isinstance(hold, Hold)])
    batch.close()
    return outcomes


def get(unit: Unit, key: HoldKey) -> Hold:
    """Read a hold. Raises a Fault when there is no such member, or the hold is not the member's."""
    hold = unit.holds.read([key.hold]).get(key.hold)
    if hold is None or hold.member != tier.owner_of(unit, key.member):
        raise errors.hold_not_found(key.member, key.hold)
    return hold


def confirm(unit: Unit, commands: Sequence[EndHold]) -> list[Hold | Fault]:
    """Spend held points; the rest of each hold becomes available again."""
    return _end(unit, commands, lambda command: lambda hold, wallet, now: hold.confirm(wallet, command.points, now))


def release(unit: Unit, commands: Sequence[EndHold]) -> list[Hold | Fault]:
    """Give held points back."""
    return _end(unit, commands, lambda _: Hold.release)


def expire(unit: Unit) -> int:
    """End holds whose time is over, the oldest first; answers how many.

    Members that another transaction works on are left to the next round, so any number of replicas may sweep.
    """
    due = unit.holds.due(unit.now, _SWEEP)
    if not due:
        return 0
    batch = Batch(unit, set(due.values()), wait=False)
    holds = {key: hold for key, hold in unit.holds.read(due).items() if hold.member in batch}
    batch.returning(holds.values())
    ended = [end(batch, hold, Hold.expire) for hold in holds.values()]
    changed = [hold for hold in ended if hold is not holds[hold.id]]
    unit.holds.save(changed)
    batch.close()
    return len(changed)


def end(batch: Batch, hold: Hold, how: End) -> Hold:
    """Bring one hold to its end within a batch."""
    ended, wallet, transfers = how(hold, batch.wallet(hold.member), batch.now)
    batch.post(wallet, transfers)
    return ended


def _place(batch: Batch, programme: Programme, command: PlaceHold) -> Hold:
    hold, wallet, transfers = Hold.place(
        command.hold,
        batch.wallet(command.member),
        command.points,
        value=programme.worth(command.points),
        source=command.source,
        now=batch.now,
        ttl=command.ttl,
    )
    batch.post(wallet, transfers)
    return hold


def _end(unit: Unit, commands: Sequence[EndHold], way: Callable[[EndHold], End]) -> list[Hold | Fault]:
    batch = Batch(unit, {command.member for command in commands})
    before = unit.holds.read({command.hold for command in commands})
    batch.returning(hold for hold in before.values() if hold.member in batch)
    holds = dict(before)
    outcomes = [attempt(_end_one, batch, holds, command, way(command)) for command in commands]
    unit.holds.save([hold for key, hold in holds.items() if hold is not before[key]])
    batch.close()
    return outcomes


def _end_one(batch: Batch, holds: dict[UUID, Hold], command: EndHold, how: End) -> Hold:
    holds[command.hold] = end(batch, _of(batch, holds, command), how)
    return holds[command.hold]


def _of(batch: Batch, holds: Mapping[UUID, Hold], command: EndHold) -> Hold:
    hold = holds.get(command.hold)
    if hold is None or command.member not in batch or hold.member != batch.wallet(command.member).member:
        raise errors.hold_not_found(command.member, command.hold)
    return hold
