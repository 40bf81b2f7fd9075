"""Attempts to check out: one open attempt per request at most, each ended once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from services.orders.domain.checkout import Attempt

# The update changes nothing; it makes the row that is there the answer.
_OPEN = text("""
    insert into checkouts (order_id, request_key, state, open_time)
    values (:order_id, :request_key, 'OPEN', cast(:now as timestamptz))
    on conflict (request_key) where state = 'OPEN' do update set request_key = excluded.request_key
    returning order_id, open_time
""")

_LOCK_OPEN = text("""
    select order_id from checkouts where order_id = any(cast(:ids as uuid[])) and state = 'OPEN'
    order by order_id for update
""")

_PLACE = text("update checkouts set state = 'PLACED' where order_id = any(cast(:ids as uuid[])) and state = 'OPEN'")
_ABANDON = text("update checkouts set state = 'ABANDONED' where order_id = :order_id and state <> 'PLACED'")

_PRUNE = text("delete from checkouts where open_time < cast(:before as timestamptz)")


class CheckoutStore:
    """The attempts of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, key: str, order_id: UUID, now: datetime) -> Attempt:
        """The open attempt of a request, or a new one for `order_id`."""
        parameters = {"order_id": order_id, "request_key": key, "now": now}
        row = self._connection.execute(_OPEN, parameters).one()
        return Attempt(UUID(str(row[0])), row[1])

    def lock_open(self, order_ids: Sequence[UUID]) -> set[UUID]:
        """Which of the attempts are still open; nobody else ends them until the transaction ends."""
        rows = self._connection.execute(_LOCK_OPEN, {"ids": sorted(order_ids)})
        return {UUID(str(row[0])) for row in rows}

    def place(self, order_ids: Sequence[UUID]) -> None:
        """End attempts as placed."""
        self._connection.execute(_PLACE, {"ids": list(order_ids)})

    def abandon(self, order_id: UUID) -> bool:
        """End an attempt as abandoned unless it was placed; answers whether it is abandoned now."""
        return self._connection.execute(_ABANDON, {"order_id": order_id}).rowcount == 1

    def prune(self, before: datetime) -> None:
        """Forget attempts that are older."""
        self._connection.execute(_PRUNE, {"before": before})
