"""Who owns what a request names, and whether that is within a part of the organisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from services.members.storage.member import WITHIN

# ruff: noqa: S608 - the statements are put together from constants only
_OWNERS = {
    "members": "select id as named, id as owner from members",
    "rightsCards": "select id as named, member as owner from rights_cards",
    "topUps": "select id as named, owner from top_ups where not of_card",
    "storedValuePayments": "select id as named, owner from stored_payments where not of_card",
}
_INSIDE = {
    collection: text(f"""
        select o.named from ({owners}) o
        join members n on n.id = o.owner join members m on m.id = coalesce(n.merged_into, n.id)
        where o.named = any(cast(:ids as uuid[])) and {WITHIN}
    """)
    for collection, owners in _OWNERS.items()
}


class ReachStore:
    """Knows the part of the organisation that things belong to, by their owners."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def inside(self, org: str, named: Mapping[str, Sequence[UUID]]) -> set[UUID]:
        """Those of the ids, by their collections, whose owner is within the part of the organisation."""
        found: set[UUID] = set()
        for collection, ids in named.items():
            found.update(self._connection.execute(_INSIDE[collection], {"ids": list(ids), "org": org}).scalars())
        return found
