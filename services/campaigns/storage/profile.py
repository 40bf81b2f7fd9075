"""Profiles as rows: one per member, and one spending per currency."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, select, text

from services.campaigns.domain.profile import Profile, Spending
from services.campaigns.storage.tables import profiles

_TOUCH = text("""
    insert into profiles (member_id, version, update_time)
    select u.member_id, 1, cast(:now as timestamptz)
    from unnest(cast(:members as uuid[])) with ordinality as u (member_id, place)
    order by u.place
    on conflict (member_id) do update set version = profiles.version + 1, update_time = excluded.update_time
    returning member_id, version, due_time, update_time, gone
""")

# Asked once the profiles are locked: a statement that waits for a lock still sees the purchases of before.
_TURN = text("""
    update profiles p set gone = not p.gone
    where p.member_id = any(cast(:members as uuid[]))
      and p.gone <> (exists (select from members e where e.member_id = p.member_id and e.erase_time is not null)
                     or not exists (select from purchases b where b.member_id = p.member_id))
    returning member_id
""")

_ADVANCE = text("""
    update profiles set version = version + 1 where member_id = any(cast(:members as uuid[]))
""")

_PLAN = text("""
    update profiles p set due_time = u.due_time
    from unnest(cast(:members as uuid[]), cast(:due_times as timestamptz[])) as u (member_id, due_time)
    where p.member_id = u.member_id
""")

_SPENDINGS = text("""
    select member_id, currency, order_count, total, first_purchase, last_purchase
    from spendings where member_id = any(cast(:members as uuid[]))
""")

_SAVE = text("""
    insert into spendings (member_id, currency, order_count, total, first_purchase, last_purchase)
    select * from unnest(cast(:members as uuid[]), cast(:currencies as text[]), cast(:order_counts as bigint[]),
                         cast(:totals as bigint[]), cast(:firsts as timestamptz[]), cast(:lasts as timestamptz[]))
    on conflict (member_id, currency) do update set
        order_count = excluded.order_count, total = excluded.total, first_purchase = excluded.first_purchase,
        last_purchase = excluded.last_purchase
""")

_KNOWN = text("""
    select member_id from profiles where member_id = any(cast(:members as uuid[]))
    union
    select member_id from purchases where member_id = any(cast(:members as uuid[]))
""")

_EMPTY = text("delete from spendings where member_id = any(cast(:members as uuid[]))")

_RECOUNT = text("""
    insert into spendings (member_id, currency, order_count, total, first_purchase, last_purchase)
    select member_id, currency, count(*) filter (where counts), sum(net),
           min(pay_time) filter (where counts), max(pay_time) filter (where counts)
    from purchases where member_id = any(cast(:members as uuid[])) group by member_id, currency
""")


class Profiles:
    """The stored profiles. Whoever changes a profile or a membership holds the profile's row lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def touch(self, members: Sequence[UUID], now: datetime) -> list[Profile]:
        """Lock the profiles of `members`, sorted, with their next version; those missing come into being. Who is gone
        is found anew."""
        rows = self._connection.execute(_TOUCH, {"members": members, "now": now}).all()
        turned = set(self._connection.execute(_TURN, {"members": members}).scalars())
        return self._complete([(*row[:4], row[4] != (row[0] in turned)) for row in rows])

    def find(self, member: UUID) -> Profile | None:
        """A member's profile, if there is one."""
        return next(iter(self._read(_PROFILES.where(profiles.c.member_id == member))), None)

    def lock_after(self, member: UUID | None, limit: int) -> list[Profile]:
        """Lock the next profiles after `member`, in the order of members."""
        query = _PROFILES.order_by(profiles.c.member_id).limit(limit).with_for_update(key_share=True)
        return self._read(query if member is None else query.where(profiles.c.member_id > member))

    def lock_due(self, now: datetime, limit: int) -> list[Profile]:
        """Lock profiles that are to be judged again; those that somebody else works on are left out."""
        query = _PROFILES.where(profiles.c.due_time <= now).order_by(profiles.c.due_time).limit(limit)
        return self._read(query.with_for_update(key_share=True, skip_locked=True))

    def advance(self, members: Collection[UUID]) -> None:
        """Give locked profiles their next version."""
        if members:
            self._connection.execute(_ADVANCE, {"members": list(members)})

    def plan(self, due_times: Mapping[UUID, datetime | None]) -> None:
        """Set when locked profiles are to be judged again."""
        if due_times:
            self._connection.execute(_PLAN, {"members": list(due_times), "due_times": list(due_times.values())})

    def save(self, changed: Sequence[Spending]) -> None:
        """Store the spendings of locked profiles."""
        columns = {
            "members": [spending.member for spending in changed],
            "currencies": [spending.currency for spending in changed],
            "order_counts": [spending.order_count for spending in changed],
            "totals": [spending.total for spending in changed],
            "firsts": [spending.bounds[0] if spending.bounds else None for spending in changed],
            "lasts": [spending.bounds[1] if spending.bounds else None for spending in changed],
        }
        self._connection.execute(_SAVE, columns)

    def known(self, members: Collection[UUID]) -> set[UUID]:
        """Which of the members have a profile, or purchases that one is to be made of."""
        return set(self._connection.execute(_KNOWN, {"members": list(members)}).scalars())

    def recount(self, members: Collection[UUID]) -> None:
        """Make the spendings of members anew of all their purchases, which nobody else changes meanwhile."""
        for statement in (_EMPTY, _RECOUNT):
            self._connection.execute(statement, {"members": list(members)})

    def _read(self, query: Select[Any]) -> list[Profile]:
        return self._complete(self._connection.execute(query).all())

    def _complete(self, rows: Sequence[Any]) -> list[Profile]:
        """Profiles with their spendings, which are read only now: after the profiles are locked."""
        members = [row[0] for row in rows]
        spent: dict[UUID, dict[str, Spending]] = {member: {} for member in members}
        for member, currency, order_count, total, first, last in self._connection.execute(
            _SPENDINGS, {"members": members}
        ):
            bounds = None if first is None else (first, last)
            spent[member][currency] = Spending(member, currency, order_count, total, bounds)
        return [
            Profile(member, spent[member], version, due_time, update_time, gone)
            for member, version, due_time, update_time, gone in rows
        ]


_PROFILES = select(
    profiles.c.member_id, profiles.c.version, profiles.c.due_time, profiles.c.update_time, profiles.c.gone
)
