"""Growth value: accounts of the ledger, and what each order earned of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from kit.ledger import Ledger, Positions
from kit.page import Page
from kit.posting import Cause, Transfer
from services.members.domain.growth import ACCOUNTS, RECEIVABLE, UNIT, VALUE, Growth, GrowthPosted
from services.members.domain.points import HOUSE

_KINDS = tuple(ACCOUNTS)

# Both sides of a transfer between a member's own accounts cancel each other out.
_LOG = text("""
    select a.owner, e.effective_time, cast(sum(e.amount) as bigint)
    from unnest(cast(:members as uuid[])) as m (member)
    join ledger_accounts a on a.owner = m.member and a.unit = :unit and a.sign <> 0
    cross join lateral (
        select effective_time, amount from ledger_entries where credit = a.id
        union all
        select effective_time, -amount from ledger_entries where debit = a.id
    ) e
    group by a.owner, e.effective_time having sum(e.amount) <> 0
""")

_EARNED = text("""
    select g.member, g."order", g.growth
    from unnest(cast(:members as uuid[]), cast(:orders as uuid[])) as asked (member, "order")
    join order_growth g on g.member = asked.member and g."order" = asked."order"
""")

_SAVE = text("""
    insert into order_growth (member, "order", growth)
    select * from unnest(cast(:members as uuid[]), cast(:orders as uuid[]), cast(:growth as bigint[]))
    on conflict (member, "order") do update set growth = excluded.growth
""")

Orders = Mapping[tuple[UUID, UUID], int]
"""Growth value by member and order."""


class GrowthStore:
    """Keeps growth value. Whoever changes a member's has locked the member's wallet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ledger = Ledger(connection, unit=UNIT, house=HOUSE)

    def lock(self, members: Collection[UUID]) -> dict[UUID, Growth]:
        """The members' growth value, to be changed; the first time their accounts are opened."""
        found = self._ledger.lock(members, _KINDS)
        new = [member for member in members if member not in found]
        if new:
            self._ledger.open(new, ACCOUNTS)
            found |= self._ledger.lock(new, _KINDS)
        return _growths(found)

    def read(self, members: Collection[UUID]) -> dict[UUID, Growth]:
        """The members' growth value; who never had any is missing."""
        return _growths(self._ledger.read(members, _KINDS))

    def post(self, transfers: Sequence[Transfer], now: datetime) -> None:
        """Write transfers of locked accounts."""
        self._ledger.post(transfers, now=now)

    def page(self, member: UUID, page: Page) -> list[GrowthPosted]:
        """Entries before a position, the newest first."""
        before = int(page.after[0]) if page.after else None
        return [
            GrowthPosted(
                entry.id,
                member,
                entry.amount if entry.credit in ACCOUNTS else -entry.amount,
                Cause(entry.kind, entry.source, entry.effective_time),
                entry.create_time,
            )
            for entry in self._ledger.entries(member, before=before, limit=page.fetch)
        ]

    def log(self, members: Collection[UUID]) -> list[tuple[UUID, datetime, int]]:
        """By how much the growth value of members changed at which effective time."""
        rows = self._connection.execute(_LOG, {"members": list(members), "unit": UNIT}).all()
        return [(member, time, amount) for member, time, amount in rows]

    def earned(self, orders: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int]:
        """What orders have earned, each given with its member; who earned nothing yet is missing."""
        query = {"members": [member for member, _ in orders], "orders": [order for _, order in orders]}
        return {(member, order): growth for member, order, growth in self._connection.execute(_EARNED, query).all()}

    def save_earned(self, orders: Orders) -> None:
        """Keep what orders have earned."""
        columns = {
            "members": [member for member, _ in orders],
            "orders": [order for _, order in orders],
            "growth": list(orders.values()),
        }
        self._connection.execute(_SAVE, columns)


def _growths(positions: Positions) -> dict[UUID, Growth]:
    return {
        member: Growth(member, held[VALUE].balance, -held[RECEIVABLE].balance) for member, held in positions.items()
    }
