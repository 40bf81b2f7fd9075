"""What members could still claim at a past instant: what is kept now, less what was posted since."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from services.members.domain.liability import NEVER, Liability, Slice
from services.members.domain.programme import Programme

# One statement, so that both sides are those of one moment whatever is being posted. Only what was posted after the
# instant is looked at entry by entry, but for the house: no balance is kept of its accounts.
_READ = text(f"""
    with later as (
        select debit, credit, amount, lot from ledger_entries where create_time > cast(:time as timestamptz)
    ), moves as (
        select lot, credit as account, amount from later union all select lot, debit, -amount from later
    ), lots_since as (
        select m.lot, coalesce(sum(m.amount) filter (where a.kind = 'pending'), 0) as pending,
               coalesce(sum(m.amount) filter (where a.kind = 'available'), 0) as available,
               coalesce(sum(m.amount) filter (where a.kind = 'held'), 0) as held
        from moves m join ledger_accounts a on a.id = m.account where m.lot is not null group by m.lot
    ), lots as (
        select l.unit, l.owner, l.expire_time, l.pending - coalesce(s.pending, 0) as pending,
               l.available - coalesce(s.available, 0) as available, l.held - coalesce(s.held, 0) as held
        from ledger_lots l left join lots_since s on s.lot = l.id
        where l.pending > 0 or l.available > 0 or l.held > 0 or s.lot is not null
    ), slices as (
        select l.unit, date_trunc('month', (l.expire_time - interval '1 microsecond') at time zone z.zone) as month,
               coalesce(m.home_store, '') as store, sum(l.pending) as pending, sum(l.available) as available,
               sum(l.held) as held
        from lots l left join members m on m.id = l.owner
        left join unnest(cast(:units as text[]), cast(:zones as text[])) as z (unit, zone) on z.unit = l.unit
        where l.pending > 0 or l.available > 0 or l.held > 0
        group by 1, 2, 3
    ), since as (
        select account, sum(amount) as amount from moves group by account
    ), house as materialized (
        select id, unit, kind from ledger_accounts where sign = 0
    ), flows as (
        select d.id as debit, c.id as credit, sum(e.amount) as amount from ledger_entries e
        left join house d on d.id = e.debit left join house c on c.id = e.credit
        where e.create_time <= cast(:time as timestamptz) group by d.id, c.id
    )
    select 'lots' as part, unit, coalesce(to_char(month, 'YYYY-MM'), '{NEVER}') as first, store as second,
           cast(pending as bigint) as pending, cast(available as bigint) as available, cast(held as bigint) as held
    from slices
    union all
    select 'members', a.unit, a.kind, '', cast(sum(a.balance - coalesce(s.amount, 0)) as bigint), 0, 0
    from ledger_accounts a left join since s on s.account = a.id where a.sign <> 0 group by a.unit, a.kind
    union all
    select 'house', h.unit, h.kind, '', cast(coalesce(sum(f.amount), 0) as bigint), 0, 0
    from house h left join (
        select credit as account, amount from flows union all select debit, -amount from flows
    ) f on f.account = h.id group by h.unit, h.kind
""")  # noqa: S608 - constants only
# All of the tables is read: indexes would only be in the way.
_PLAN = text("""
    select set_config('statement_timeout', '60s', true), set_config('work_mem', '256MB', true),
           set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
           set_config('enable_nestloop', 'off', true)
""")


class LiabilityStore:
    """Reads what is outstanding."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, time: datetime, programmes: Mapping[str, Programme]) -> Liability:
        """What was outstanding at an instant; `programmes` by the units of their points, for their calendars."""
        self._connection.execute(_PLAN)
        query = {
            "time": time,
            "units": list(programmes),
            "zones": [programme.time_zone for programme in programmes.values()],
        }
        slices: list[Slice] = []
        sides: dict[str, dict[tuple[str, str], int]] = {"members": {}, "house": {}}
        for part, unit, first, second, *amounts in self._connection.execute(_READ, query):
            if part == "lots":
                slices.append(Slice(unit, first, second, *amounts))
            else:
                sides[part][unit, first] = amounts[0]
        return Liability(time, slices, sides["members"], sides["house"], programmes)
