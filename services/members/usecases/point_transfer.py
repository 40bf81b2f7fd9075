"""Members give points to each other: the commands are sets, and the policy that limits them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from kit.errors import Fault, etag_mismatch
from kit.page import Page
from services.members.domain import errors as members_errors
from services.members.domain.audit import NOBODY, Author, settings_act
from services.members.domain.errors.identity import member_erased
from services.members.domain.point_transfer import PointsTransferred, PointTransfer, Policy
from services.members.domain.programme import Programme
from services.members.usecases import ports
from services.members.usecases.points import Batch, attempt

NAME = "pointTransferPolicies/default"


class PointTransfers(Protocol):
    """What members gave to each other, and the policy. Who gives is locked."""

    def policy(self) -> Policy:
        """The policy."""

    def lock_policy(self) -> Policy:
        """The policy, locked until the end of the transaction."""

    def save_policy(self, policy: Policy) -> None:
        """Keep a changed policy."""

    def given(self, members: Collection[UUID], day: str) -> dict[UUID, int]:
        """How many points locked members have given away in a day; who gave none is missing."""

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
    """Give points of `member` to `recipient`."""

    transfer: UUID
    member: UUID
    recipient: UUID
    points: int


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """New limits, None for those that stay. `version` is the one they were made for, None for any."""

    daily_limit: int | None
    minimum: int | None
    version: int | None = None
    author: Author = NOBODY


def transfer(unit: Unit, commands: Sequence[TransferPoints]) -> list[PointTransfer | Fault]:
    """Give points; answers each. Refused beyond the policy, without the points, or to who was erased."""
    batch = Batch(unit, {member for command in commands for member in (command.member, command.recipient)})
    programme = unit.programmes.current()
    day = unit.now.astimezone(programme.zone).date().isoformat()
    known = [command for command in commands if command.member in batch and command.recipient in batch]
    batch.spending((command.member, command.points) for command in known)
    found = unit.members.read({command.recipient for command in known})
    giving = _Giving(
        unit,
        batch,
        unit.point_transfers.policy(),
        programme,
        day,
        Counter(unit.point_transfers.given({batch.wallet(command.member).member for command in known}, day)),
        {key for key, member in found.items() if member.erase_time is not None},
    )
    outcomes = [attempt(giving.give, command) for command in commands]
    given = [each for each in outcomes if isinstance(each, PointTransfer)]
    unit.point_transfers.add(given)
    batch.facts += [PointsTransferred(each) for each in given]
    batch.close()
    return outcomes


def page(unit: Unit, member: UUID, page: Page) -> list[PointTransfer]:
    """A page of what a member gave away, the newest first. Raises a Fault when there is no such member."""
    if not unit.wallets.read([member]):
        raise members_errors.member_not_found(member)
    return unit.point_transfers.page(unit.wallets.heir(member), page)


def policy(unit: Unit) -> Policy:
    """The policy."""
    return unit.point_transfers.policy()


def update(unit: Unit, command: UpdatePolicy) -> Policy:
    """Change the policy. Raises a Fault when another change was faster."""
    before = unit.point_transfers.lock_policy()
    if command.version not in (None, before.version):
        raise etag_mismatch(NAME)
    daily_limit = before.daily_limit if command.daily_limit is None else command.daily_limit
    minimum = before.minimum if command.minimum is None else command.minimum
    after = before.changed(daily_limit, minimum, unit.now)
    if after is not before:
        unit.point_transfers.save_policy(after)
        unit.audit.record(settings_act(command.author, NAME, before, after))
    return after


@dataclass(frozen=True, slots=True)
class _Giving:
    """A batch of commands, with what members have given today."""

    unit: Unit
    batch: Batch
    policy: Policy
    programme: Programme
    day: str
    given: Counter[UUID]
    erased: Collection[UUID]

    def give(self, command: TransferPoints) -> PointTransfer:
        """Serve one command. Raises a Fault."""
        giver, recipient = self.batch.wallet(command.member), self.batch.wallet(command.recipient)
        if command.recipient in self.erased:
            raise member_erased(recipient.member)
        self.policy.check(command.points, self.given[giver.member])
        made = PointTransfer(command.transfer, giver.member, recipient.member, command.points, self.day, self.batch.now)
        giver, recipient, transfers = made.post(giver, recipient, self.programme, new_lot=self.unit.new_id)
        self.batch.post(giver, transfers)
        self.batch.post(recipient, [])
        self.given[giver.member] += command.points
        return made
