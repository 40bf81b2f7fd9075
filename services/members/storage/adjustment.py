"""Adjustments as rows; the key is the row's id, which is never used again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from kit.idempotency import Raced
from services.members.domain.adjustment import Adjustment
from services.members.domain.audit import Author

_READ = text("""
    select row_id, member, points, reason, programme from adjustments where row_id = any(cast(:row_ids as text[]))
""")
_ADD = text("""
    insert into adjustments (row_id, member, points, reason, programme, actor, create_time)
    select a.*, :actor, cast(:now as timestamptz)
    from unnest(cast(:row_ids as text[]), cast(:members as uuid[]), cast(:points as bigint[]),
                cast(:reasons as text[]), cast(:programmes as text[])) as a
    on conflict do nothing
""")


class AdjustmentStore:
    """Keeps what was posted by hand."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def read(self, row_ids: Collection[str]) -> dict[str, Adjustment]:
        """Those with these ids; unknown ones are missing."""
        rows = self._connection.execute(_READ, {"row_ids": list(row_ids)}).all()
        return {row.row_id: Adjustment(*row) for row in rows}

    def add(self, adjustments: Sequence[Adjustment], author: Author) -> None:
        """Keep new ones. Raises `Raced` when an id was used meanwhile."""
        if not adjustments:
            return
        # In one order, so that two who send the same rows can't wait for each other.
        rows = sorted(adjustments, key=lambda row: row.row_id)
        added = self._connection.execute(
            _ADD,
            {
                "row_ids": [row.row_id for row in rows],
                "members": [row.member for row in rows],
                "points": [row.points for row in rows],
                "reasons": [row.reason for row in rows],
                "programmes": [row.programme for row in rows],
                "actor": author.subject,
                "now": self._now,
            },
        )
        if added.rowcount < len(rows):
            raise Raced
