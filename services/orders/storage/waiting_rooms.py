"""The waiting rooms of flash sales: who may buy from when on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

_PLACES = text("""
    select member_id, admit_time from flash_sale_places
    where sale_id = :sale and member_id = any(cast(:members as uuid[]))
""")

_LOCK_QUEUE = text("select next_admission from flash_sales where id = :sale for no key update")

_ENTER = text("""
    with queue as (update flash_sales set next_admission = cast(:next_time as timestamptz) where id = :sale)
    insert into flash_sale_places (sale_id, member_id, admit_time)
    select :sale, * from unnest(cast(:members as uuid[]), cast(:times as timestamptz[]))
    on conflict (sale_id, member_id) do update set admit_time = excluded.admit_time
""")


class WaitingRoomStore:
    """The waiting rooms of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock(self, sale: UUID) -> datetime | None:
        """When the next one may buy, None while nobody has entered; nobody else enters until the transaction ends."""
        found: datetime | None = self._connection.execute(_LOCK_QUEUE, {"sale": sale}).scalar_one()
        return found

    def places(self, sale: UUID, members: Sequence[UUID]) -> dict[UUID, datetime]:
        """From when on those of the members who entered may buy."""
        rows = self._connection.execute(_PLACES, {"sale": sale, "members": list(members)})
        return {UUID(str(row[0])): row[1] for row in rows}

    def enter(self, sale: UUID, places: Mapping[UUID, datetime], *, next_time: datetime) -> None:
        """Store new places, over those that members had before, and when those after them may buy."""
        columns = {"members": list(places), "times": list(places.values()), "sale": sale, "next_time": next_time}
        self._connection.execute(_ENTER, columns)
