"""Members as rows: who stands for whom, who was erased. Of a member of whom neither was told there is no row."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from services.campaigns.domain.member import Link

_MEMBERS_LOCK = 0x6D65_6D62  # "memb"

_ROOTS = text("""
    select member_id, root_id from members
    where member_id = any(cast(:members as uuid[])) and root_id <> member_id
""")

_LINK = text("""
    insert into members (member_id, into_id, link_time, link_version, root_id)
    select member_id, into_id, link_time, link_version, member_id
    from unnest(cast(:members as uuid[]), cast(:into as uuid[]), cast(:times as timestamptz[]),
                cast(:versions as bigint[])) as u (member_id, into_id, link_time, link_version)
    on conflict (member_id) do update
        set into_id = excluded.into_id, link_time = excluded.link_time, link_version = excluded.link_version
    where members.link_version < excluded.link_version
    returning member_id
""")

# Whoever is merged into them, directly or not, and whom they are merged into. A circle ends, for a row counts once.
_FAMILY = text("""
    with recursive family as (
        select member_id, into_id, link_time, link_version, root_id from members
        where member_id = any(cast(:members as uuid[]))
        union
        select m.member_id, m.into_id, m.link_time, m.link_version, m.root_id
        from family f join members m on m.member_id = f.into_id or m.into_id = f.member_id
    )
    select member_id, into_id, link_time, link_version, root_id from family
""")

_SAVE = text("""
    update members m set root_id = u.root_id
    from unnest(cast(:members as uuid[]), cast(:roots as uuid[])) as u (member_id, root_id)
    where m.member_id = u.member_id
""")

_ERASE = text("""
    insert into members (member_id, link_version, root_id, erase_time)
    select member_id, 0, member_id, cast(:now as timestamptz) from unnest(cast(:members as uuid[])) as member_id
    on conflict (member_id) do update set erase_time = excluded.erase_time where members.erase_time is null
    returning member_id
""")

_ERASED = text("""
    select member_id from members where member_id = any(cast(:members as uuid[])) and erase_time is not null
""")


def _move(table: str, key: str, also: str = "") -> TextClause:
    """Give the rows of members to who stands for them now; rows are locked in sorted order."""
    return text(f"""
        with moving as materialized (
            select t.{key} as key, u.member_id as origin, u.root_id
            from unnest(cast(:members as uuid[]), cast(:roots as uuid[])) as u (member_id, root_id)
            join {table} t on t.origin_id = u.member_id or (t.member_id = u.member_id and t.origin_id is null)
            order by t.{key} for no key update of t
        )
        update {table} t set member_id = m.root_id, origin_id = nullif(m.origin, m.root_id){also}
        from moving m where t.{key} = m.key
    """)  # noqa: S608 - put together from constants only


_MOVES = (
    _move("coupons", "id", ", version = t.version + 1"),
    _move("purchases", "order_id"),
    _move("automation_runs", "id"),
)


class Members:
    """What is stored of members beside what is theirs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self) -> None:
        """Let nobody be merged until the transaction ends; many may hold this at once.

        Whoever stores something for a member takes this before any row: a merge can't move what it does not see yet.
        """
        self._connection.execute(text("select pg_advisory_xact_lock_shared(:key)"), {"key": _MEMBERS_LOCK})

    def change(self) -> None:
        """Wait for those who keep the members, and change them alone."""
        self._connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MEMBERS_LOCK})

    def roots(self, members: Collection[UUID]) -> dict[UUID, UUID]:
        """Who stands for those of the members that were merged into others."""
        if not members:
            return {}
        rows = self._connection.execute(_ROOTS, {"members": list(members)})
        return {row[0]: row[1] for row in rows}

    def link(self, links: Sequence[Link]) -> set[UUID]:
        """Store the newest links, sorted by member; answers whose were news."""
        columns = {
            "members": [link.member for link in links],
            "into": [link.into for link in links],
            "times": [link.time for link in links],
            "versions": [link.version for link in links],
        }
        return set(self._connection.execute(_LINK, columns).scalars())

    def family(self, members: Collection[UUID]) -> tuple[dict[UUID, Link], dict[UUID, UUID]]:
        """The links of the members and of all that are linked with them; and their roots, as they were stored."""
        rows = self._connection.execute(_FAMILY, {"members": list(members)}).all()
        links = {row[0]: Link(*row[:4]) for row in rows if row[2] is not None}
        return links, {row[0]: row[4] for row in rows}

    def move(self, roots: Mapping[UUID, UUID]) -> None:
        """Store who stands for members now, and give what came under their names to those."""
        columns = {"members": list(roots), "roots": list(roots.values())}
        for statement in (_SAVE, *_MOVES):
            self._connection.execute(statement, columns)

    def erase(self, members: Collection[UUID], now: datetime) -> set[UUID]:
        """Store that members were erased; answers those of whom that is news."""
        return set(self._connection.execute(_ERASE, {"members": sorted(members), "now": now}).scalars())

    def erased(self, members: Collection[UUID]) -> set[UUID]:
        """Which of the members were erased."""
        return set(self._connection.execute(_ERASED, {"members": list(members)}).scalars())
