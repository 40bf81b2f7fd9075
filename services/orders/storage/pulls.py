"""How far the platforms of shops were asked: rows to domain and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from services.orders.domain.pull import Pull

_BEGIN = text("""
    insert into channel_pulls (shop, position, due_time, create_time)
    select s.code, u.since, cast(:now as timestamptz), cast(:now as timestamptz)
    from unnest(cast(:shops as text[]), cast(:since as timestamptz[])) as u (shop, since)
    join shops s on s.code = u.shop
    on conflict (shop) do nothing
""")
_KNOWN = text("select count(*) from channel_pulls where shop = any(cast(:shops as text[]))")

_CLAIM = text("""
    update channel_pulls p set lease = :lease, lease_until = cast(:until as timestamptz)
    from (
        select shop from channel_pulls
        where shop = any(cast(:shops as text[])) and due_time <= cast(:now as timestamptz)
          and (lease_until is null or lease_until <= cast(:now as timestamptz))
        order by due_time limit :limit for update skip locked
    ) due
    where p.shop = due.shop
    returning p.shop, p.position, p.failures
""")
_KEEP = text("""
    update channel_pulls set lease_until = cast(:until as timestamptz) where shop = :shop and lease = :lease
""")
_ADVANCE = text("""
    update channel_pulls
    set position = cast(:position as timestamptz), due_time = cast(:due as timestamptz), lease = null,
        lease_until = null, failures = 0, reason = '', success_time = cast(:now as timestamptz)
    where shop = :shop and lease = :lease
""")
_DEFER = text("""
    update channel_pulls
    set due_time = cast(:due as timestamptz), lease = null, lease_until = null, failures = failures + 1,
        reason = :reason
    where shop = :shop and lease = :lease
""")


class PullStore:
    """The pulls of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, shops: Mapping[str, datetime], now: datetime) -> None:
        """Store new ones for shops that exist, each from an instant on."""
        known = self._connection.execute(_KNOWN, {"shops": list(shops)}).scalar_one()
        if known < len(shops):
            columns = {"shops": list(shops), "since": list(shops.values()), "now": now}
            self._connection.execute(_BEGIN, columns)

    def claim(self, shops: Sequence[str], lease: UUID, *, now: datetime, until: datetime, limit: int) -> list[Pull]:
        """Take shops whose time has come, and that nobody has; those that others lock are passed over."""
        query = {"shops": list(shops), "lease": lease, "now": now, "until": until, "limit": limit}
        rows = self._connection.execute(_CLAIM, query)
        return [Pull(row.shop, row.position, row.failures, lease, now) for row in rows]

    def keep(self, pull: Pull, until: datetime) -> bool:
        """Hold a round for longer; answers False when it is somebody else's by now."""
        values = {"shop": pull.shop, "lease": pull.lease, "until": until}
        return self._connection.execute(_KEEP, values).rowcount == 1

    def advance(self, pull: Pull, position: datetime, *, now: datetime, due: datetime) -> None:
        """End a round that is still ours: all that changed before `position` is known."""
        values = {"shop": pull.shop, "lease": pull.lease, "position": position, "due": due, "now": now}
        self._connection.execute(_ADVANCE, values)

    def defer(self, pull: Pull, reason: str, due: datetime) -> None:
        """End a round that is still ours, and came to nothing."""
        self._connection.execute(_DEFER, {"shop": pull.shop, "lease": pull.lease, "reason": reason, "due": due})
