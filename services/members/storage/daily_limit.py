"""Counters of the daily limits as rows. A row is only written while it stays within its limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, text

from services.members.domain.daily_limit import Use

# What is refused is not returned. The rows come in the order in which everybody locks them.
_TAKE = text("""
    insert into daily_uses as d (day, activity, scope, measure, subject, used, allowed)
    select * from unnest(
        cast(:days as date[]), cast(:activities as text[]), cast(:scopes as text[]), cast(:measures as text[]),
        cast(:subjects as text[]), cast(:amounts as bigint[]), cast(:allowed as bigint[]))
        as u (day, activity, scope, measure, subject, amount, allowed)
    where u.amount <= u.allowed
    on conflict (day, activity, scope, measure, subject) do update
    set used = d.used + excluded.used, allowed = excluded.allowed
    where d.used + excluded.used <= excluded.allowed
    returning scope, measure, subject
""")

_SWEEP = text("""
    delete from daily_uses where ctid = any(array(
        select ctid from daily_uses where day < cast(:before as date) order by day limit :limit
        for update skip locked))
""")


class DailyUseStore:
    """Counts what is used of daily limits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, uses: Sequence[Use]) -> Use | None:
        """Count all of these uses; answers one that would pass its limit, if there is one."""
        if not uses:
            return None
        rows = self._connection.execute(
            _TAKE,
            {
                "days": [use.day for use in uses],
                "activities": [use.activity for use in uses],
                "scopes": [use.scope.value for use in uses],
                "measures": [use.measure for use in uses],
                "subjects": [use.subject for use in uses],
                "amounts": [use.amount for use in uses],
                "allowed": [use.allowed for use in uses],
            },
        ).all()
        taken = {tuple(row) for row in rows}
        return next((use for use in uses if (use.scope.value, use.measure, use.subject) not in taken), None)

    def sweep(self, before: date, limit: int) -> int:
        """Forget counters of days before this one, at most so many; answers how many."""
        return self._connection.execute(_SWEEP, {"before": before, "limit": limit}).rowcount
