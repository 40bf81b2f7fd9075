"""Members as rows: who stands for whom, who was erased. Of a member of whom neither was told there is no row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, text

from kit.db.merges import MergeStore

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


class Members(MergeStore):
    """What is stored of members beside what is theirs."""

    def move(self, roots: Mapping[UUID, UUID]) -> None:
        """Store who stands for members now, and give what came under their names to those."""
        super().move(roots)
        columns = {"members": list(roots), "roots": list(roots.values())}
        for statement in _MOVES:
            self._connection.execute(statement, columns)

    def erase(self, members: Collection[UUID], now: datetime) -> set[UUID]:
        """Store that members were erased; answers those of whom that is news."""
        return set(self._connection.execute(_ERASE, {"members": sorted(members), "now": now}).scalars())

    def erased(self, members: Collection[UUID]) -> set[UUID]:
        """Which of the members were erased."""
        return set(self._connection.execute(_ERASED, {"members": list(members)}).scalars())
