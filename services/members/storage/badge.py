"""Badges, who has them, and what is counted for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.page import Page
from services.members.domain.badge import Badge, BadgeAward, Metric

_BADGES = "select id, display_name, metric, threshold, create_time, retire_time from badges"
_READ = text(f"{_BADGES} where id = :id")
_PAGE = text(
    f"{_BADGES} where cast(:before as uuid) is null or id < cast(:before as uuid) order by id desc limit :limit"
)
_SAVE = text("""
    insert into badges (id, display_name, metric, threshold, create_time, retire_time)
    values (:id, :display_name, :metric, :threshold, cast(:create_time as timestamptz),
            cast(:retire_time as timestamptz))
    on conflict (id) do update set retire_time = excluded.retire_time
""")
_WANTED = text("select exists (select 1 from badges where metric = :metric and retire_time is null)")
_AWARD = text("""
    insert into badge_awards (member, badge, award_time)
    select c.member, b.id, cast(:now as timestamptz)
    from unnest(cast(:members as uuid[]), cast(:counts as bigint[])) as c (member, count)
    join badges b on b.metric = :metric and b.retire_time is null and b.threshold <= c.count
    order by c.member, b.id
    on conflict (member, badge) do nothing returning member, badge
""")
_AWARDS = text("""
    select a.award_time, b.id, b.display_name, b.metric, b.threshold, b.create_time, b.retire_time
    from badge_awards a join badges b on b.id = a.badge
    where a.member = :member and (cast(:before as uuid) is null or a.badge < cast(:before as uuid))
    order by a.badge desc limit :limit
""")

_COUNTS = {
    Metric.CHECK_INS: text("""
        select member, count(*) from check_ins where member = any(cast(:members as uuid[])) group by member
    """),
    Metric.ORDERS: text("""
        select member, count(*) from referral_orders
        where member = any(cast(:members as uuid[])) and paid is not null and net > 0 group by member
    """),
    # An account is read through its own indexes; earning credits a member's account, taking back debits one.
    Metric.POINTS_EARNED: text("""
        with mine as (
            select id, owner from ledger_accounts where unit = 'points' and owner = any(cast(:members as uuid[]))
        ), moved as (
            select mine.owner, e.amount from mine join ledger_entries e on e.credit = mine.id and e.kind = 'ACCRUAL'
            union all
            select mine.owner, -e.amount from mine join ledger_entries e on e.debit = mine.id and e.kind = 'CLAWBACK'
        )
        select owner, cast(sum(amount) as bigint) from moved group by owner
    """),
}


class BadgeStore:
    """Keeps badges; the key sees to it that a member gets each once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, badge: UUID) -> Badge | None:
        """A badge."""
        row = self._connection.execute(_READ, {"id": badge}).one_or_none()
        return _badge(row) if row else None

    def page(self, page: Page) -> list[Badge]:
        """Badges before a position, the newest first."""
        query = {"before": _before(page), "limit": page.fetch}
        return [_badge(row) for row in self._connection.execute(_PAGE, query)]

    def save(self, badge: Badge) -> None:
        """Keep a new badge, or one that was retired."""
        columns = {
            "id": badge.id,
            "display_name": badge.display_name,
            "metric": badge.metric.value,
            "threshold": badge.threshold,
            "create_time": badge.create_time,
            "retire_time": badge.retire_time,
        }
        self._connection.execute(_SAVE, columns)

    def wanted(self, metric: Metric) -> bool:
        """Whether there are badges for it."""
        return bool(self._connection.execute(_WANTED, {"metric": metric.value}).scalar_one())

    def counts(self, members: Collection[UUID], metric: Metric) -> dict[UUID, int]:
        """What these members have reached; who has nothing is missing."""
        rows = self._connection.execute(_COUNTS[metric], {"members": list(members)})
        return {row[0]: row[1] for row in rows}

    def award(self, counts: Mapping[UUID, int], metric: Metric, now: datetime) -> list[tuple[UUID, UUID]]:
        """Give members what they have reached; answers the members and badges that are new."""
        columns = {"members": list(counts), "counts": list(counts.values()), "metric": metric.value, "now": now}
        return [(row.member, row.badge) for row in self._connection.execute(_AWARD, columns)]

    def awards(self, member: UUID, page: Page) -> list[BadgeAward]:
        """What a member has, before a position, the newest badges first."""
        query = {"member": member, "before": _before(page), "limit": page.fetch}
        return [BadgeAward(member, _badge(row), row.award_time) for row in self._connection.execute(_AWARDS, query)]


def _before(page: Page) -> UUID | None:
    return UUID(page.after[0]) if page.after else None


def _badge(row: Row[tuple[object, ...]]) -> Badge:
    return Badge(row.id, row.display_name, Metric(row.metric), row.threshold, row.create_time, row.retire_time)
