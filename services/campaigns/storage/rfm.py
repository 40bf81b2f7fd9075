"""Comparisons of all profiles. Without an instant they read the spendings; as of an instant, the purchases up to it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from services.campaigns.domain.profile import Spending
from services.campaigns.domain.rfm import BEST, Cell, Score, Standing

_NOW = """
    select member_id, currency, order_count, total, first_purchase, last_purchase from spendings where order_count > 0
"""

_AS_OF = """
    select member_id, currency, count(*) filter (where counts) as order_count, sum(net) as total,
           min(pay_time) filter (where counts) as first_purchase, max(pay_time) filter (where counts) as last_purchase
    from purchases where pay_time <= cast(:as_of as timestamptz) group by member_id, currency
    having bool_or(counts)
"""

_STANDINGS = """
    with basis as ({basis}), own as (select * from basis where member_id = :member)
    select own.currency, own.order_count, own.total, own.first_purchase, own.last_purchase, count(*),
           count(*) filter (where basis.last_purchase < own.last_purchase),
           count(*) filter (where basis.order_count < own.order_count),
           count(*) filter (where basis.total < own.total)
    from own join basis using (currency)
    group by own.currency, own.order_count, own.total, own.first_purchase, own.last_purchase
"""

# rank() - 1 is how many have a strictly lower value: the same score as domain.rfm.Standing's.
_CELLS = """
    with basis as ({basis}), ranked as (
        select order_count, total,
               {best} * (rank() over (order by last_purchase) - 1) / count(*) over () + 1 as recency,
               {best} * (rank() over (order by order_count) - 1) / count(*) over () + 1 as frequency,
               {best} * (rank() over (order by total) - 1) / count(*) over () + 1 as monetary
        from basis where currency = :currency)
    select recency, frequency, monetary, count(*), sum(order_count), sum(total)
    from ranked group by recency, frequency, monetary order by recency, frequency, monetary
"""

_QUERIES = {
    as_of: (text(_STANDINGS.format(basis=basis)), text(_CELLS.format(basis=basis, best=BEST)))
    for as_of, basis in ((False, _NOW), (True, _AS_OF))
}


class Rfm:
    """Scores over all members."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def standings(self, member: UUID, as_of: datetime | None) -> list[tuple[Spending, Standing]]:
        """What a member bought, by currency, and how that compares; only currencies with purchases that count."""
        query, _ = _QUERIES[as_of is not None]
        rows = self._connection.execute(query, _given({"member": member}, as_of))
        return [
            (Spending(member, currency, orders, int(total), (first, last)), Standing(*below))
            for currency, orders, total, first, last, *below in rows
        ]

    def cells(self, currency: str, as_of: datetime | None) -> list[Cell]:
        """How many members have which scores, sorted by the scores."""
        _, query = _QUERIES[as_of is not None]
        rows = self._connection.execute(query, _given({"currency": currency}, as_of))
        return [
            Cell(Score(recency, frequency, monetary), members, int(orders), int(total))
            for recency, frequency, monetary, members, orders, total in rows
        ]


def _given(parameters: dict[str, object], as_of: datetime | None) -> dict[str, object]:
    return parameters if as_of is None else {**parameters, "as_of": as_of}
