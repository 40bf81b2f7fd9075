"""Statements of members' accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from kit.errors import invalid
from kit.page import Page
from services.members.domain import errors
from services.members.domain.errors import proof
from services.members.domain.statement import Line, Period
from services.members.usecases.ports import Members


class Statements(Protocol):
    """What was posted to members' accounts, of any unit."""

    def period(self, member: UUID, unit: str, *, start: datetime | None, end: datetime) -> Period | None:
        """The balances on both sides of [start, end); None when the member has no accounts of the unit."""

    def lines(self, period: Period, page: Page) -> list[Line]:
        """What was posted in the period from a position on, in the order of posting, one more than the page shows."""


class Unit(Protocol):
    """What statements need of a unit of work."""

    now: datetime

    @property
    def members(self) -> Members:
        """Members."""

    @property
    def statements(self) -> Statements:
        """What was posted."""


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """Read a member's statement of [start, end): from the beginning and until now if not given."""

    member: UUID
    unit: str
    start: datetime | None = None
    end: datetime | None = None


def read(unit: Unit, query: ReadStatement, page: Page) -> tuple[Period, list[Line]]:
    """A page of a statement, with the balances on both sides. Raises a Fault for who is no member, or has no accounts
    in the unit."""
    end = query.end or unit.now
    if query.start is not None and end < query.start:
        raise invalid("end_time", "must not be before start_time")
    period = unit.statements.period(query.member, query.unit, start=query.start, end=end)
    if period is None:
        if query.member not in unit.members.read([query.member]):
            raise errors.member_not_found(query.member)
        raise proof.account_unit_not_found(query.member, query.unit)
    return period, unit.statements.lines(period, page)
