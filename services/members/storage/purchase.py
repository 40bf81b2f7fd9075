"""Purchases as rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from kit.money import Money
from services.members.domain.purchase import Purchase

# `offset 0` keeps the planner from scanning the table: during an import its statistics lag behind, and it would
# believe that every member has thousands of purchases.
_OF = text("""
    select p.* from unnest(cast(:members as uuid[])) as m (member)
    cross join lateral (
        select "order", member, net, currency, pay_time, version, rules, earned, returned
        from purchases where purchases.member = m.member offset 0
    ) p
""")

_SAVE = text("""
    insert into purchases ("order", member, net, currency, pay_time, version, rules, earned, returned)
    select * from unnest(
        cast(:orders as uuid[]), cast(:members as uuid[]), cast(:nets as bigint[]), cast(:currencies as text[]),
        cast(:pay_times as timestamptz[]), cast(:versions as bigint[]), cast(:rules as integer[]),
        cast(:earned as bigint[]), cast(:returned as bigint[]))
    on conflict (member, "order") do update
    set net = excluded.net, pay_time = excluded.pay_time, version = excluded.version, earned = excluded.earned,
        returned = excluded.returned
""")


class PurchaseStore:
    """Keeps what earns. Whoever changes a purchase has locked its member's wallet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, members: Collection[UUID]) -> list[Purchase]:
        """All purchases of the members."""
        rows = self._connection.execute(_OF, {"members": list(members)}).all()
        return [
            Purchase(order, member, Money(net, currency), pay_time, version, rules, earned, returned)
            for order, member, net, currency, pay_time, version, rules, earned, returned in rows
        ]

    def save(self, purchases: Sequence[Purchase]) -> None:
        """Keep new and changed purchases."""
        if not purchases:
            return
        self._connection.execute(
            _SAVE,
            {
                "orders": [purchase.order for purchase in purchases],
                "members": [purchase.member for purchase in purchases],
                "nets": [purchase.net.minor for purchase in purchases],
                "currencies": [purchase.net.currency for purchase in purchases],
                "pay_times": [purchase.pay_time for purchase in purchases],
                "versions": [purchase.version for purchase in purchases],
                "rules": [purchase.rules for purchase in purchases],
                "earned": [purchase.earned for purchase in purchases],
                "returned": [purchase.returned for purchase in purchases],
            },
        )
