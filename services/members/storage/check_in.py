"""Check-ins as rows."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import Connection, insert, text

from services.members.domain.check_in import CheckIn
from services.members.storage.tables.engagement import check_ins

_DAYS = text("select day from check_ins where member = :member")
_READ = text("""
    select member, day, streak, points, bonus, create_time, made_up from check_ins
    where member = :member and day >= cast(:start as date) and day < cast(:end as date) order by day
""")


class CheckInStore:
    """Keeps check-ins; the key sees to it that a day is counted once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def days(self, member: UUID) -> list[date]:
        """All days of a member."""
        return list(self._connection.execute(_DAYS, {"member": member}).scalars())

    def read(self, member: UUID, start: date, end: date) -> list[CheckIn]:
        """The check-ins of the days [start, end), the first one first."""
        rows = self._connection.execute(_READ, {"member": member, "start": start, "end": end}).all()
        return [CheckIn(*row) for row in rows]

    def add(self, check_in: CheckIn) -> None:
        """Keep a new check-in."""
        row = {name: getattr(check_in, name) for name in check_ins.c.keys()}  # noqa: SIM118 - a collection, no dict
        self._connection.execute(insert(check_ins).values(row))
