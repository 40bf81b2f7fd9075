"""Members as rows of a service's table `members`: who stands for whom. Who was never told of has no row.

The table has `member_id` (its key), `into_id` and `link_time` of the newest link, `link_version` and `root_id`, the
member at the end of the links; and an index on `into_id`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from kit.merges import Link

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


class MergeStore:
    """Who stands for whom, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self) -> None:
        """Let nobody be merged until the transaction ends; many may hold this at once.

        Whoever stores something that a merge moves takes this before any row: a merge can't move what it does not see
        yet.
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
        """Store who stands for members now."""
        self._connection.execute(_SAVE, {"members": list(roots), "roots": list(roots.values())})
