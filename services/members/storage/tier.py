"""Tier histories and standings as rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, text

from kit.page import Page
from services.members.domain.tier import Standing, TierChange
from services.members.domain.tier_override import TierOverride

R = TypeVar("R")

_OPEN = text("""
    insert into standings (member, tier, rules, version)
    select member, 'base', :rules, 0 from unnest(cast(:members as uuid[])) as member
""")

# `lateral` looks into the index once per member, whatever the statistics say; during an import they lag behind.
_READ = text("""
    select s.member, s.tier, s.next_change, s.rules, s.version,
           h.times, h.from_tiers, h.to_tiers, h.upgrades, h.manuals,
           o.times, o.tiers, o.end_times, o.reasons, o.actors, o.ids
    from standings s cross join lateral (
        select array_agg(time) as times, array_agg(from_tier) as from_tiers, array_agg(to_tier) as to_tiers,
               array_agg(upgrade) as upgrades, array_agg(manual) as manuals
        from (select * from tier_changes c where c.member = s.member order by time) c
    ) h cross join lateral (
        select array_agg(time) as times, array_agg(tier) as tiers, array_agg(end_time) as end_times,
               array_agg(reason) as reasons, array_agg(actor) as actors, array_agg(id) as ids
        from (select * from tier_overrides o where o.member = s.member order by id) o
    ) o
    where s.member = any(cast(:members as uuid[]))
""")

_DUE = text("""
    select member from standings where next_change <= cast(:now as timestamptz) order by next_change limit :limit
""")

_OUTDATED = text("select member from standings where rules < :rules order by rules limit :limit")

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
    insert into tier_changes (member, time, from_tier, to_tier, upgrade, manual)
    select * from unnest(cast(:members as uuid[]), cast(:times as timestamptz[]), cast(:from_tiers as text[]),
                         cast(:to_tiers as text[]), cast(:upgrades as boolean[]), cast(:manuals as boolean[]))
    on conflict (member, time) do update
    set from_tier = excluded.from_tier, to_tier = excluded.to_tier, upgrade = excluded.upgrade,
        manual = excluded.manual
""")

_JOINED = text("select id, enroll_time from members where id = any(cast(:members as uuid[]))")

_ADD_OVERRIDE = text("""
    insert into tier_overrides (member, time, tier, end_time, reason, actor)
    values (:member, cast(:time as timestamptz), :tier, cast(:end_time as timestamptz), :reason, :actor) returning id
""")

_OVERRIDES = text("""
    select time, tier, end_time, reason, actor, id from tier_overrides
    where member = :member and id < coalesce(cast(:before as bigint), 9223372036854775807)
    order by id desc limit :limit
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


class TierStore:
    """Keeps the tiers that members had, have and will have."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, members: Sequence[UUID], rules: int) -> None:
        """Begin the standing of new members, at base."""
        self._connection.execute(_OPEN, {"members": list(members), "rules": rules})

    def read(self, members: Collection[UUID]) -> dict[UUID, Standing]:
        """The standings with their histories; who is no member is missing."""
        rows = self._connection.execute(_READ, {"members": list(members)}).all()
        return {
            member: Standing(
                *(member, tier, next_change, rules, version),
                history=_rows(TierChange, columns[:5]),
                overrides=_rows(TierOverride, columns[5:]),
            )
            for member, tier, next_change, rules, version, *columns in rows
        }

    def due(self, now: datetime, limit: int) -> list[UUID]:
        """Members whose next change of tier has come, the oldest change first."""
        return list(self._connection.execute(_DUE, {"now": now, "limit": limit}).scalars())

    def outdated(self, rules: int, limit: int) -> list[UUID]:
        """Members judged by older rules than these."""
        return list(self._connection.execute(_OUTDATED, {"rules": rules, "limit": limit}).scalars())

    def save(self, standings: Sequence[tuple[Standing, Standing]]) -> None:
        """Keep changed standings and their histories, each given as it was and as it is.

        Only what differs is touched: imported history leaves the standing itself as it was.
        """
        self._save_standings([after for before, after in standings if _bare(after) != _bare(before)])
        self._rewrite([(before, after) for before, after in standings if after.history != before.history])

    def _save_standings(self, standings: Sequence[Standing]) -> None:
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

    def _rewrite(self, standings: Sequence[tuple[Standing, Standing]]) -> None:
        if not standings:
            return
        gone, new = [], []
        for before, after in standings:
            known, kept = set(before.history), {change.time for change in after.history}
            gone += [(before.member, change.time) for change in before.history if change.time not in kept]
            new += [(after.member, change) for change in after.history if change not in known]
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
                "manuals": [change.manual for _, change in new],
            },
        )

    def at(self, members: Collection[UUID], time: datetime) -> dict[UUID, tuple[str, datetime | None]]:
        """Each member's tier at an instant, and the next change after it; who had none by then is missing."""
        rows = self._connection.execute(_AT, {"members": list(members), "time": time}).all()
        return {member: (tier, coming) for member, tier, coming in rows}

    def joined(self, members: Collection[UUID]) -> dict[UUID, datetime]:
        """When the members joined."""
        rows = self._connection.execute(_JOINED, {"members": list(members)})
        return {row.id: row.enroll_time for row in rows}

    def add_override(self, member: UUID, override: TierOverride) -> TierOverride:
        """Keep an act, which is the newest of its member; answers it with its id."""
        row = {"member": member, **asdict(override)}
        del row["id"]
        return replace(override, id=self._connection.execute(_ADD_OVERRIDE, row).scalar_one())

    def overrides(self, member: UUID, page: Page) -> list[TierOverride]:
        """Acts before a position, the newest first."""
        query = {"member": member, "before": int(page.after[0]) if page.after else None, "limit": page.fetch}
        return [TierOverride(*row) for row in self._connection.execute(_OVERRIDES, query).all()]


def _rows(kind: Callable[..., R], columns: Sequence[Sequence[Any] | None]) -> list[R]:
    """What stands in the columns of its fields, which are missing when there is none."""
    return list(map(kind, *(column or () for column in columns)))


def _bare(standing: Standing) -> tuple[object, ...]:
    """What the row of a standing holds beside its key."""
    return standing.tier, standing.next_change, standing.rules, standing.version
