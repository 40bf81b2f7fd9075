"""What stores collected and honoured, summed over top-ups, payments and refunds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from services.members.domain.settlement import Line
from services.members.domain.stored_value import Parts

# Each document counts at its own instant, a refund at the store and instant at which it was made: a closed period stays
# as it was reported.
_LINES = text("""
    with moves as (
        select store, principal as collected, bonus as granted, 0 as honoured, 0 as honoured_bonus
        from top_ups
        where currency = :currency
              and create_time >= cast(:start as timestamptz) and create_time < cast(:end as timestamptz)
        union all
        select store, 0, 0, principal, bonus from stored_payments
        where currency = :currency and state = 'PAID'
              and end_time >= cast(:start as timestamptz) and end_time < cast(:end as timestamptz)
        union all
        select store, case when of_top_up then -principal else 0 end, case when of_top_up then -bonus else 0 end,
               case when of_top_up then 0 else -principal end, case when of_top_up then 0 else -bonus end
        from stored_refunds
        where currency = :currency
              and create_time >= cast(:start as timestamptz) and create_time < cast(:end as timestamptz)
    )
    select store, cast(sum(collected) as bigint), cast(sum(granted) as bigint),
           cast(sum(honoured) as bigint), cast(sum(honoured_bonus) as bigint)
    from moves group by store order by store
""")


class SettlementStore:
    """Reads what is to be settled."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lines(self, currency: str, start: datetime, end: datetime) -> list[Line]:
        """The stores at which something moved in the period [start, end), by name."""
        query = {"currency": currency, "start": start, "end": end}
        return [
            Line(store, Parts(collected, granted), Parts(honoured, honoured_bonus))
            for store, collected, granted, honoured, honoured_bonus in self._connection.execute(_LINES, query).all()
        ]
