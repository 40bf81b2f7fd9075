"""Purchases as rows, one per order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from services.campaigns.domain.profile import Bounds, Key
from services.campaigns.domain.purchase import Change, Purchase

# Rows are locked in the order of the input, which is sorted; a row that is not older stays and is not returned.
# Who bought is who was named first, as long as the same member stands for whoever is named later.
# RETURNING old is of PostgreSQL 18: what was known before comes back from the very statement that replaces it.
_RECORD = text("""
    insert into purchases (order_id, member_id, currency, net, pay_time, counts, version, origin_id)
    select * from unnest(cast(:orders as uuid[]), cast(:members as uuid[]), cast(:currencies as text[]),
                         cast(:nets as bigint[]), cast(:pay_times as timestamptz[]), cast(:counts as boolean[]),
                         cast(:versions as bigint[]), cast(:origins as uuid[]))
    on conflict (order_id) do update set
        member_id = excluded.member_id, currency = excluded.currency, net = excluded.net, pay_time = excluded.pay_time,
        counts = excluded.counts, version = excluded.version,
        origin_id = case when purchases.member_id = excluded.member_id then purchases.origin_id
                         else excluded.origin_id end
    where purchases.version < excluded.version
    returning new.order_id, old.member_id, old.currency, old.net, old.pay_time, old.counts, old.version,
              old.origin_id
""")

_BOUNDS = text("""
    select member_id, currency, min(pay_time), max(pay_time)
    from purchases join unnest(cast(:members as uuid[]), cast(:currencies as text[])) as u (member_id, currency)
         using (member_id, currency)
    where counts group by member_id, currency
""")


class Purchases:
    """The stored purchases."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, purchases: Sequence[Purchase]) -> list[Change]:
        """Store the newest states of orders, sorted by order; answers those that were news."""
        columns = {
            "orders": [purchase.order for purchase in purchases],
            "members": [purchase.member for purchase in purchases],
            "currencies": [purchase.currency for purchase in purchases],
            "nets": [purchase.net for purchase in purchases],
            "pay_times": [purchase.pay_time for purchase in purchases],
            "counts": [purchase.counts for purchase in purchases],
            "versions": [purchase.version for purchase in purchases],
            "origins": [purchase.origin for purchase in purchases],
        }
        before = {row[0]: row for row in self._connection.execute(_RECORD, columns)}
        changes = []
        for purchase in purchases:
            row = before.get(purchase.order)
            if row is not None:
                changes.append(Change(None if row[1] is None else Purchase(*row), purchase))
        return changes

    def bounds(self, keys: Collection[Key]) -> dict[Key, Bounds]:
        """When the first and the last purchase that counts were paid, by member and currency."""
        columns: dict[str, list[UUID] | list[str]] = {
            "members": [member for member, _ in keys],
            "currencies": [currency for _, currency in keys],
        }
        rows = self._connection.execute(_BOUNDS, columns)
        return {(member, currency): (first, last) for member, currency, first, last in rows}
