"""The audit trail of manual acts: whoever does something by hand records it, and it can be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kit.page import Page
from services.members.domain.audit import Act, AuditEntry


class Audit(Protocol):
    """The trail, as use-cases with manual acts need it of their unit."""

    def record(self, *acts: Act) -> None:
        """Write manual acts down in the trail, if this transaction commits."""


class Trail(Protocol):
    """The trail, to be read."""

    def page(
        self,
        page: Page,
        *,
        subject: str = "",
        actor: str = "",
        method: str = "",
        start_time: datetime | None = None,
        end_time: datetime | None = None,
    ) -> list[AuditEntry]:
        """Entries from a position on, the newest first, one more than the page shows."""


class Unit(Protocol):
    """What reading the trail needs of a unit of work."""

    @property
    def audit(self) -> Trail:
        """The trail."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries to show: an empty text, and None, leave nothing out. The time is in [start_time, end_time)."""

    subject: str = ""
    actor: str = ""
    method: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None


def entries(unit: Unit, query: Query, page: Page) -> list[AuditEntry]:
    """A page of the trail, the newest first."""
    return unit.audit.page(
        page,
        subject=query.subject,
        actor=query.actor,
        method=query.method,
        start_time=query.start_time,
        end_time=query.end_time,
    )
