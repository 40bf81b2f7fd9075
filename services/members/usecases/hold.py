"""Holds on points: place, confirm, release, expire. The commands are sets, as those of points are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from kit.errors import Fault
from kit.posting import Transfer
from services.members.domain import errors
from services.members.domain.hold import Hold
from services.members.domain.points import Wallet
from services.members.domain.programme import DEFAULT
from services.members.usecases import tier
from services.members.usecases.batches import Batches
from services.members.usecases.points import Batch, attempt
from services.members.usecases.ports import Unit

_SWEEP = 2_000
"""Holds that expire in one transaction: some 200 ms of work."""


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Set points of a programme that a member has aside for `ttl`."""

    hold: UUID
    member: UUID
    points: int
    source: str
    ttl: timedelta
    programme: str = DEFAULT


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
    batches = Batches(unit, {command.member for command in commands})
    batches.open((command.programme, command.member) for command in commands)
    batches.spending((command.programme, command.member, command.points) for command in commands)
    outcomes = [attempt(_place, batches, command) for command in commands]
    placed = [hold for hold in outcomes if isinstance(hold, Hold)]
    unit.holds.add(placed)
    named = {command.hold: command.member for command in commands}
    unit.merges.follow_held((named[hold.id], hold.id) for hold in placed if named[hold.id] != hold.member)
    batches.close()
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
    batches = Batches(unit, set(due.values()), wait=False)
    holds = {key: hold for key, hold in unit.holds.read(due).items() if hold.member in batches}
    returning(batches, holds.values())
    ended = [end(batches.of(hold.programme), hold, Hold.expire) for hold in holds.values()]
    changed = [hold for hold in ended if hold is not holds[hold.id]]
    unit.holds.save(changed)
    batches.close()
    return len(changed)


def returning(batches: Batches, holds: Collection[Hold]) -> None:
    """Lock what holds of locked members were drawn from, each in its own programme, and read the lots."""
    batches.open((hold.programme, hold.member) for hold in holds)
    for programme in {hold.programme for hold in holds}:
        batches.of(programme).returning(hold for hold in holds if hold.programme == programme)


def end(batch: Batch, hold: Hold, how: End) -> Hold:
    """Bring one hold to its end within a batch of its programme."""
    ended, wallet, transfers = how(hold, batch.wallet(hold.member), batch.now)
    batch.post(wallet, transfers)
    return ended


def _place(batches: Batches, command: PlaceHold) -> Hold:
    owner, batch = batches.owner(command.member), batches.of(command.programme)
    hold, wallet, transfers = Hold.place(
        command.hold,
        batch.wallet(owner),
        command.points,
        programme=batches.programme(command.programme),
        source=command.source,
        now=batch.now,
        ttl=command.ttl,
    )
    batch.post(wallet, transfers)
    return hold


def _end(unit: Unit, commands: Sequence[EndHold], way: Callable[[EndHold], End]) -> list[Hold | Fault]:
    batches = Batches(unit, {command.member for command in commands})
    before = unit.holds.read({command.hold for command in commands})
    returning(batches, [hold for hold in before.values() if hold.member in batches])
    holds = dict(before)
    outcomes = [attempt(_end_one, batches, holds, command, way(command)) for command in commands]
    unit.holds.save([hold for key, hold in holds.items() if hold is not before[key]])
    batches.close()
    return outcomes


def _end_one(batches: Batches, holds: dict[UUID, Hold], command: EndHold, how: End) -> Hold:
    hold = _of(batches, holds, command)
    holds[command.hold] = end(batches.of(hold.programme), hold, how)
    return holds[command.hold]


def _of(batches: Batches, holds: Mapping[UUID, Hold], command: EndHold) -> Hold:
    hold = holds.get(command.hold)
    if hold is None or command.member not in batches or hold.member != batches.owner(command.member):
        raise errors.hold_not_found(command.member, command.hold)
    return hold
