"""Who is one person with whom, for those who count what a person has."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, text

from services.orders.storage.families import root

# Nearly always nobody: most people have one name.
_SEVERAL = text("""
    select exists (select from members where member_id = any(cast(:members as uuid[])) and root_id <> member_id)
        or exists (select from members where root_id = any(cast(:members as uuid[])) and root_id <> member_id)
""")

# The locked rows are those of who was merged into others: whoever stands for several names has at least one. Sorted, so
# that two transactions can't lock each other out.
_TOGETHER = text(f"""
    with asked as (
        select distinct {root("a.id")} as id from unnest(cast(:members as uuid[])) as a (id)
    )
    select m.root_id, m.member_id from asked a join members m on m.root_id = a.id and m.root_id <> m.member_id
    order by m.member_id for update of m
""")  # noqa: S608 - constants


class PeopleStore:
    """Who is one person with whom, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def together(self, members: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
        """Of those who are one person with others, all names by each of them; until the transaction ends nobody else
        gets an answer for these people, and they stay together."""
        columns = {"members": sorted(members)}
        if not self._connection.scalar(_SEVERAL, columns):
            return {}
        families: dict[UUID, set[UUID]] = {}
        for kept, member in self._connection.execute(_TOGETHER, columns):
            families.setdefault(UUID(str(kept)), {UUID(str(kept))}).add(UUID(str(member)))
        return {name: frozenset(names) for names in families.values() for name in names}
