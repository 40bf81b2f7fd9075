"""Members give points to each other: the commands are sets, and the policy that limits them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from kit import names
from kit.errors import Fault, etag_mismatch
from kit.page import Page
from services.members.domain import errors as members_errors
from services.members.domain.audit import NOBODY, Author, settings_act
from services.members.domain.errors.identity import member_erased
from services.members.domain.point_transfer import PointsTransferred, PointTransfer, Policy
from services.members.domain.programme import DEFAULT, Programme
from services.members.usecases import ports
from services.members.usecases import programme as programmes
from services.members.usecases.batches import Batches
from services.members.usecases.points import attempt

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""When what nobody has changed was changed last."""


class PointTransfers(Protocol):
    """What members gave to each other, and the policies. Who gives is locked."""

    def policy(self, programme: str) -> Policy | None:
        """The policy for points of a programme, if somebody has made one."""

    def lock_policy(self, first: Policy) -> Policy:
        """The policy of its programme, or this one if there was none, locked until the end of the transaction."""

    def save_policy(self, policy: Policy) -> None:
        """Keep a changed policy."""

    def given(self, members: Collection[UUID], day: str, programme: str) -> dict[UUID, int]:
        """How many points of a programme locked members have given away in a day; who gave none is missing."""

    def page(self, member: UUID, page: Page) -> list[PointTransfer]:
        """What a member gave away from a position on, the newest first, one more than the page shows."""

    def add(self, transfers: Sequence[PointTransfer]) -> None:
        """Keep new transfers."""


class Unit(ports.ActingUnit, Protocol):
    """What giving points needs of a unit of work."""

    @property
    def point_transfers(self) -> PointTransfers:
        """What members gave to each other."""


@dataclass(frozen=True, slots=True)
class TransferPoints:
    """Give points of a programme that `member` has to `recipient`."""

    transfer: UUID
    member: UUID
    recipient: UUID
    points: int
    programme: str = DEFAULT


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """New limits, None for those that stay. `version` is the one they were made for, None for any."""

    daily_limit: int | None
    minimum: int | None
    version: int | None = None
    author: Author = NOBODY
    programme: str = DEFAULT


def transfer(unit: Unit, commands: Sequence[TransferPoints]) -> list[PointTransfer | Fault]:
    """Give points; answers each. Refused beyond the policy, without the points, or to who was erased."""
    batches = Batches(unit, {member for command in commands for member in (command.member, command.recipient)})
    known = [command for command in commands if command.member in batches and command.recipient in batches]
    batches.open((command.programme, member) for command in known for member in (command.member, command.recipient))
    batches.spending((command.programme, command.member, command.points) for command in known)
    found = unit.members.read({command.recipient for command in known})
    erased = {key for key, member in found.items() if member.erase_time is not None}
    giving: dict[str, _Giving] = {}
    for id_ in sorted({command.programme for command in known}):
        if batches.has(id_):
            givers = {batches.owner(command.member) for command in known if command.programme == id_}
            giving[id_] = _Giving.of(unit, batches, id_, givers, erased)
    outcomes = [attempt(_give, batches, giving, command) for command in commands]
    given = [each for each in outcomes if isinstance(each, PointTransfer)]
    unit.point_transfers.add(given)
    batches.close()
    unit.emit([PointsTransferred(each) for each in given])
    return outcomes


def page(unit: Unit, member: UUID, page: Page) -> list[PointTransfer]:
    """A page of what a member gave away, the newest first. Raises a Fault when there is no such member."""
    if not unit.wallets.read([member]):
        raise members_errors.member_not_found(member)
    return unit.point_transfers.page(unit.wallets.heir(member), page)


def policy(unit: Unit, programme: str = DEFAULT) -> Policy:
    """The policy for points of a programme. Raises a Fault when there is no such programme."""
    programmes.get(unit, programme)
    return unit.point_transfers.policy(programme) or _none(programme)


def update(unit: Unit, command: UpdatePolicy) -> Policy:
    """Change a policy. Raises a Fault when another change was faster, or there is no such programme."""
    name = name_of(command.programme)
    programmes.get(unit, command.programme)
    before = unit.point_transfers.lock_policy(_none(command.programme))
    if command.version not in (None, before.version):
        raise etag_mismatch(name)
    daily_limit = before.daily_limit if command.daily_limit is None else command.daily_limit
    minimum = before.minimum if command.minimum is None else command.minimum
    after = before.changed(daily_limit, minimum, unit.now)
    if after is not before:
        unit.point_transfers.save_policy(after)
        unit.audit.record(settings_act(command.author, name, before, after))
    return after


def name_of(programme: str) -> str:
    """What the policy for points of a programme is called."""
    return names.join("pointTransferPolicies", programme)


def _none(programme: str) -> Policy:
    """The policy of a programme for which nobody has made one: its points are not given away."""
    return Policy(0, 1, BEGINNING, programme=programme)


def _give(batches: Batches, giving: Mapping[str, _Giving], command: TransferPoints) -> PointTransfer:
    """Serve one command. Raises a Fault."""
    for member in (command.member, command.recipient):
        batches.owner(member)
    batches.programme(command.programme)
    return giving[command.programme].give(command)


@dataclass(frozen=True, slots=True)
class _Giving:
    """What members have given of one programme's points today, and whether they may give more."""

    unit: Unit
    batches: Batches
    policy: Policy
    programme: Programme
    day: str
    given: Counter[UUID]
    erased: Collection[UUID]

    @classmethod
    def of(cls, unit: Unit, batches: Batches, id_: str, givers: Collection[UUID], erased: Collection[UUID]) -> _Giving:
        """What is known of these members, who are locked."""
        programme = batches.programme(id_)
        day = unit.now.astimezone(programme.zone).date().isoformat()
        policy = unit.point_transfers.policy(id_) or _none(id_)
        given = Counter(unit.point_transfers.given(givers, day, id_))
        return cls(unit, batches, policy, programme, day, given, erased)

    def give(self, command: TransferPoints) -> PointTransfer:
        """Serve one command of this programme. Raises a Fault."""
        batch = self.batches.of(self.programme.id)
        giver, recipient = (batch.wallet(self.batches.owner(each)) for each in (command.member, command.recipient))
        if command.recipient in self.erased:
            raise member_erased(recipient.member)
        self.policy.check(command.points, self.given[giver.member])
        made = PointTransfer(
            command.transfer,
            giver.member,
            recipient.member,
            command.points,
            self.day,
            batch.now,
            self.programme.id,
        )
        giver, recipient, transfers = made.post(giver, recipient, self.programme, new_lot=self.unit.new_id)
        batch.post(giver, transfers)
        batch.post(recipient, [])
        self.given[giver.member] += command.points
        return made
