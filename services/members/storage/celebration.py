"""Birthdays and complete profiles that were rewarded; the keys see to it that each is once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

_DUE = text("""
    select m.id from unnest(cast(:members as uuid[])) as m (id)
    where not exists (select 1 from birthday_rewards r where r.member = m.id and r.year = :year)
    order by m.id limit :limit
""")
_CELEBRATE = text("""
    insert into birthday_rewards (member, year, points, create_time)
    select m.id, cast(:year as integer), cast(:points as bigint), cast(:now as timestamptz)
    from unnest(cast(:members as uuid[])) as m (id)
    on conflict (member, year) do nothing returning member
""")
_COMPLETE = text("""
    insert into profile_rewards (member, points, create_time) values (:member, :points, cast(:now as timestamptz))
    on conflict (member) do nothing
""")


class CelebrationStore:
    """Remembers which birthdays and profiles were rewarded."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, members: Sequence[UUID], year: int, limit: int) -> list[UUID]:
        """Those of the members who were not congratulated in a year, at most so many."""
        query = {"members": list(members), "year": year, "limit": limit}
        return list(self._connection.execute(_DUE, query).scalars()) if members else []

    def celebrate(self, members: Sequence[UUID], year: int, points: int, now: datetime) -> list[UUID]:
        """Remember birthdays; answers the members whose birthday of the year was not remembered yet."""
        columns = {"members": list(members), "year": year, "points": points, "now": now}
        return list(self._connection.execute(_CELEBRATE, columns).scalars()) if members else []

    def complete(self, member: UUID, points: int, now: datetime) -> bool:
        """Remember a complete profile; answers whether that is new."""
        return self._connection.execute(_COMPLETE, {"member": member, "points": points, "now": now}).rowcount == 1
