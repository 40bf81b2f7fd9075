"""Tier histories and standings as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.sql.elements import TextClause

from kit.page import Page
from services.members.domain.tier import Standing, TierChange

_OPEN = text("""
    insert into standings (member, tier, rules, version)
    select member, 'base', :rules, 0 from unnest(cast(:members as uuid[])) as member
""")

_LOCK = text("""
    select member, tier, next_change, rules, version from standings where member = any(cast(:members as uuid[]))
    order by member for update
""")

_LOCK_DUE = text("""
    select member, tier, next_change, rules, version from standings where next_change <= cast(:now as timestamptz)
    order by next_change limit :limit for update skip locked
""")

_LOCK_OUTDATED = text("""
    select member, tier, next_change, rules, version from standings where rules < :rules
    order by rules limit :limit for update skip locked
""")

# `offset 0` as in purchases: one look into the index per member, whatever the statistics say.
_HISTORIES = text("""
    select c.* from unnest(cast(:members as uuid[])) as m (member)
    cross join lateral (
        select member, time, from_tier, to_tier, upgrade from tier_changes
        where tier_changes.member = m.member order by time offset 0
    ) c
""")

_SAVE = text("""
    update standings s set tier = n.tier, next_change = n.next_change, rules = n.rules, version = n.version
    from unnest(cast(:members as uuid[]), cast(:tiers as text[]), cast(:next_changes as timestamptz[]),
                cast(:rules as integer[]), cast(:versions as bigint[])) as n (member, tier, next_change, rules, version)
    where s.member = n.member
""")

_REWRITE = text("""
    with gone as (
        delete from tier_changes c
        using unnest(cast(:gone_members as uuid[]), cast(:gone_times as timestamptz[])) as g (member, time)
        where c.member = g.member and c.time = g.time
    )
    insert into tier_changes (member, time, from_tier, to_tier, upgrade)
    select * from unnest(cast(:members as uuid[]), cast(:times as timestamptz[]), cast(:from_tiers as text[]),
                         cast(:to_tiers as text[]), cast(:upgrades as boolean[]))
    on conflict (member, time) do update
    set from_tier = excluded.from_tier, to_tier = excluded.to_tier, upgrade = excluded.upgrade
""")

_AT = text("""
    select m.member, past.to_tier, coming.time
    from unnest(cast(:members as uuid[])) as m (member)
    join lateral (
        select to_tier from tier_changes c where c.member = m.member and c.time <= cast(:time as timestamptz)
        order by c.time desc limit 1
    ) past on true
    left join lateral (
        select time from tier_changes c where c.member = m.member and c.time > cast(:time as timestamptz)
        order by c.time limit 1
    ) coming on true
""")

_PAGE = text("""
    select time, from_tier, to_tier, upgrade from tier_changes
    where member = :member and time <= cast(:now as timestamptz)
          and time < coalesce(cast(:before as timestamptz), 'infinity')
    order by time desc limit :limit
""")


class TierStore:
    """Keeps the tiers that members had, have and will have."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, members: Sequence[UUID], rules: int) -> None:
        """Begin the standing of new members, at base."""
        self._connection.execute(_OPEN, {"members": list(members), "rules": rules})

    def lock(self, members: Collection[UUID]) -> dict[UUID, Standing]:
        """The standings, locked until the end of the transaction."""
        return self._standings(_LOCK, members=list(members))

    def lock_due(self, now: datetime, limit: int) -> dict[UUID, Standing]:
        """Standings whose next change has come, locked; those that others have locked are left out."""
        return self._standings(_LOCK_DUE, now=now, limit=limit)

    def lock_outdated(self, rules: int, limit: int) -> dict[UUID, Standing]:
        """Standings judged by older rules, locked; those that others have locked are left out."""
        return self._standings(_LOCK_OUTDATED, rules=rules, limit=limit)

    def histories(self, members: Collection[UUID]) -> dict[UUID, list[TierChange]]:
        """The kept histories, the earliest change first; who has none is missing."""
        histories: dict[UUID, list[TierChange]] = {}
        for member, *change in self._connection.execute(_HISTORIES, {"members": list(members)}):
            histories.setdefault(member, []).append(TierChange(*change))
        return histories

    def save(self, standings: Sequence[Standing]) -> None:
        """Keep changed standings."""
        if not standings:
            return
        self._connection.execute(
            _SAVE,
            {
                "members": [standing.member for standing in standings],
                "tiers": [standing.tier for standing in standings],
                "next_changes": [standing.next_change for standing in standings],
                "rules": [standing.rules for standing in standings],
                "versions": [standing.version for standing in standings],
            },
        )

    def rewrite(self, histories: Mapping[UUID, tuple[Sequence[TierChange], Sequence[TierChange]]]) -> None:
        """Replace histories, each given as it was and as it is; only the rows that differ are touched."""
        if not histories:
            return
        gone, new = [], []
        for member, (before, after) in histories.items():
            kept = {change.time for change in after}
            gone += [(member, change.time) for change in before if change.time not in kept]
            known = set(before)
            new += [(member, change) for change in after if change not in known]
        self._connection.execute(
            _REWRITE,
            {
                "gone_members": [member for member, _ in gone],
                "gone_times": [time for _, time in gone],
                "members": [member for member, _ in new],
                "times": [change.time for _, change in new],
                "from_tiers": [change.from_tier for _, change in new],
                "to_tiers": [change.to_tier for _, change in new],
                "upgrades": [change.upgrade for _, change in new],
            },
        )

    def at(self, members: Collection[UUID], time: datetime) -> dict[UUID, tuple[str, datetime | None]]:
        """Each member's tier at an instant, and the next change after it; who had none by then is missing."""
        rows = self._connection.execute(_AT, {"members": list(members), "time": time})
        return {member: (tier, coming) for member, tier, coming in rows}

    def page(self, member: UUID, now: datetime, page: Page) -> list[TierChange]:
        """Changes up to now and before a position, the newest first."""
        before = datetime.fromisoformat(page.after[0]) if page.after else None
        query = {"member": member, "now": now, "before": before, "limit": page.fetch}
        return [TierChange(*row) for row in self._connection.execute(_PAGE, query)]

    def _standings(self, statement: TextClause, **query: object) -> dict[UUID, Standing]:
        return {row.member: Standing(*row) for row in self._connection.execute(statement, query)}
