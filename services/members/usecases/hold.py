"""Holds on points: place, confirm, release, expire. The commands are sets, as those of points are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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
class ConfirmHold:
    """Spend points of a member's hold, 0 for all; the rest becomes available again."""

    member: UUID
    hold: UUID
    points: int = 0

    def end(self, hold: Hold, wallet: Wallet, now: datetime) -> tuple[Hold, Wallet, list[Transfer]]:
        """What it does to the hold. Raises a Fault when that can't be."""
        return hold.confirm(wallet, self.points, now)


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Give the points of a member's hold back."""

    member: UUID
    hold: UUID

    def end(self, hold: Hold, wallet: Wallet, now: datetime) -> tuple[Hold, Wallet, list[Transfer]]:
        """What it does to the hold. Raises a Fault when that can't be."""
        return hold.release(wallet, now)


EndHold = ConfirmHold | ReleaseHold
End = Callable[[Hold, Wallet, datetime], tuple[Hold, Wallet, list[Transfer]]]


def change(unit: Unit, commands: Sequence[PlaceHold | EndHold]) -> list[Hold | Fault]:
    """Place, confirm and release holds, one after the other; answers each. Refused when fewer points are available, or
    a hold has ended otherwise.

    One use-case for all three, so that the calls of a checkout's steps share transactions with those of others'.
    """
    batches = Batches(unit, {command.member for command in commands})
    holds = _Holds(unit, batches, commands)
    outcomes = [attempt(holds.run, command) for command in commands]
    holds.close()
    batches.close()
    return outcomes


def get(unit: Unit, key: HoldKey) -> Hold:
    """Read a hold. Raises a Fault when there is no such member, or the hold is not the member's."""
    hold = unit.holds.read([key.hold]).get(key.hold)
    if hold is None or hold.member != tier.owner_of(unit, key.member):
        raise errors.hold_not_found(key.member, key.hold)
    return hold


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
    _returning(batches, holds)


def end(batch: Batch, hold: Hold, how: End) -> Hold:
    """Bring one hold to its end within a batch of its programme."""
    ended, wallet, transfers = how(hold, batch.wallet(hold.member), batch.now)
    batch.post(wallet, transfers)
    return ended


def _returning(batches: Batches, holds: Collection[Hold]) -> None:
    for programme in {hold.programme for hold in holds}:
        batches.of(programme).returning(hold for hold in holds if hold.programme == programme)


class _Holds:
    """The holds that commands end or place, with what they are drawn from locked and read."""

    def __init__(self, unit: Unit, batches: Batches, commands: Sequence[PlaceHold | EndHold]) -> None:
        self._unit = unit
        self._batches = batches
        wanted = [command for command in commands if isinstance(command, PlaceHold)]
        ended = {command.hold for command in commands if not isinstance(command, PlaceHold)}
        self._before = unit.holds.read(ended) if ended else {}
        self._now = dict(self._before)
        self._placed: list[tuple[PlaceHold, Hold]] = []
        known = [hold for hold in self._before.values() if hold.member in batches]
        batches.open((each.programme, each.member) for kind in (wanted, known) for each in kind)
        _returning(batches, known)
        batches.spending((command.programme, command.member, command.points) for command in wanted)

    def run(self, command: PlaceHold | EndHold) -> Hold:
        """Run one command. Raises a Fault when it is refused."""
        return self._place(command) if isinstance(command, PlaceHold) else self._end(command)

    def close(self) -> None:
        """Keep what has changed. Holds under merged members' names are followed, in case the merges are undone."""
        self._unit.holds.add([hold for _, hold in self._placed])
        self._unit.merges.follow_held(
            (command.member, hold.id) for command, hold in self._placed if command.member != hold.member
        )
        self._unit.holds.save([hold for id_, hold in self._now.items() if hold is not self._before[id_]])

    def _place(self, command: PlaceHold) -> Hold:
        owner, batch = self._batches.owner(command.member), self._batches.of(command.programme)
        hold, wallet, transfers = Hold.place(
            command.hold,
            batch.wallet(owner),
            command.points,
            programme=self._batches.programme(command.programme),
            source=command.source,
            now=batch.now,
            ttl=command.ttl,
        )
        batch.post(wallet, transfers)
        self._placed.append((command, hold))
        return hold

    def _end(self, command: EndHold) -> Hold:
        hold = self._now.get(command.hold)
        if hold is None or command.member not in self._batches or hold.member != self._batches.owner(command.member):
            raise errors.hold_not_found(command.member, command.hold)
        self._now[hold.id] = end(self._batches.of(hold.programme), hold, command.end)
        return self._now[hold.id]
