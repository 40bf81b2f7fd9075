"""Members who asked to be forgotten: their ids are kept, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as upsert

from services.orders.storage.tables.members import erased_members


class ErasedStore:
    """Who was forgotten, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, members: Sequence[UUID], now: datetime) -> None:
        """Remember that members were forgotten."""
        values = [{"member_id": member, "erase_time": now} for member in sorted(set(members))]
        if values:
            self._connection.execute(upsert(erased_members).values(values).on_conflict_do_nothing())

    def knows(self, member: UUID) -> bool:
        """Whether a member was forgotten."""
        query = select(erased_members.c.member_id).where(erased_members.c.member_id == member)
        return self._connection.execute(query).first() is not None
