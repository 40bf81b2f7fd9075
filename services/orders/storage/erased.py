"""Members who asked to be forgotten: their ids are kept, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert as upsert

from services.orders.storage.tables.members import erased_members

_AMONG = text("select member_id from erased_members where member_id = any(cast(:members as uuid[]))")


class ErasedStore:
    """Who was forgotten, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, members: Sequence[UUID], now: datetime) -> None:
        """Remember that members were forgotten."""
        values = [{"member_id": member, "erase_time": now} for member in sorted(set(members))]
        if values:
            self._connection.execute(upsert(erased_members).values(values).on_conflict_do_nothing())

    def among(self, members: Collection[UUID]) -> set[UUID]:
        """Which of the members were forgotten."""
        found = self._connection.execute(_AMONG, {"members": sorted(members)})
        return {UUID(str(member)) for member in found.scalars()}
