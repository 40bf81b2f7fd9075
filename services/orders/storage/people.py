"""Who is one person with whom, for those who count what a person has."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, TextClause, text

from services.orders.storage.families import root

# Nearly always nobody: most people have one name. Whoever stands for several names has at least one row.
_TOGETHER = f"""
    with asked as (
        select distinct {root("a.id")} as id from unnest(cast(:members as uuid[])) as a (id)
    )
    select m.root_id, m.member_id from asked a join members m on m.root_id = a.id and m.root_id <> m.member_id
    order by m.member_id
"""  # noqa: S608 - constants
_SEEN = text(_TOGETHER)

# Sorted, so that two transactions can't lock each other out. A row whose root moved while this waited for it is missing
# from the answer, whoever is its root now: what was seen before tells so.
_LOCK = text(f"{_TOGETHER} for update of m")


class PeopleStore:
    """Who is one person with whom, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def together(self, members: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Of those who are one person with others, all names by each of them; until the transaction ends nobody else
        gets an answer for these people, and they stay together."""
        seen = self._merged(_SEEN, members)
        while seen and seen != self._merged(_LOCK, members):  # somebody was merged or parted meanwhile
            seen = self._merged(_SEEN, members)
        families: dict[UUID, set[UUID]] = {}
        for kept, member in seen:
            families.setdefault(kept, {kept}).add(member)
        return {name: frozenset(names) for names in families.values() for name in names}

    def _merged(self, statement: TextClause, members: Collection[UUID]) -> list[tuple[UUID, UUID]]:
        rows = self._connection.execute(statement, {"members": sorted(members)})
        return [(UUID(str(kept)), UUID(str(member))) for kept, member in rows]
