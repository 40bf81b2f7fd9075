"""Export: everything that is known of a person, page by page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from kit import names
from kit.page import Page
from services.members.domain import errors
from services.members.domain.audit import Act, Author
from services.members.domain.points import Wallet
from services.members.usecases import member as members
from services.members.usecases import ports
from services.members.usecases.audit import Audit
from services.members.usecases.member import Shown


class Record(NamedTuple):
    """One thing that is stored under a member; `position` is where the next page begins after it."""

    kind: str
    data: Mapping[str, Any]
    position: tuple[str, ...]


class Records(Protocol):
    """Whatever is stored under members."""

    def page(self, members: Sequence[UUID], page: Page) -> list[Record]:
        """Things from a position on, one more than the page shows."""


class Unit(ports.Unit, Protocol):
    """What an export needs of a unit of work."""

    @property
    def audit(self) -> Audit:
        """The trail of manual acts."""

    @property
    def records(self) -> Records:
        """What is stored."""


@dataclass(frozen=True, slots=True)
class ExportMember:
    """Tell what is known of a member."""

    member: UUID
    page: Page
    author: Author
    reason: str


class Exported(NamedTuple):
    """A page of what is known at `time`."""

    shown: Shown
    wallet: Wallet
    time: datetime
    records: Sequence[Record]


def export(unit: Unit, command: ExportMember) -> Exported:
    """A page of everything. Raises a Fault when there is no such member."""
    shown = members.get(unit, command.member, None)
    owner = shown.member.id
    wallets = unit.wallets.present([owner], unit.now)
    if not wallets:
        raise errors.member_not_found(owner)
    if command.page.after is None:
        subject = names.join("members", owner)
        unit.audit.record(Act(command.author, subject, command.reason, {}, {"exported": True}))
    records = unit.records.page(shown.member.known_as(), command.page)
    return Exported(shown, next(iter(wallets.values())), unit.now, records)
