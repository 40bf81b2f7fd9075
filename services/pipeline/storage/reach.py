"""What is within a part of the organisation, of the things that a request names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from kit.org import condition
from services.pipeline.storage.contact import KNOWN

# ruff: noqa: S608 - the statements are put together from constants only
_OWN = "select t.id from {table} t where t.id = any(cast(:ids as uuid[])) and {within}"
_INSIDE = {
    **{
        table: text(_OWN.format(table=table, within=condition("t.org")))
        for table in ("reps", "leads", "accounts", "opportunities")
    },
    "contacts": text(f"select k.id from ({KNOWN}) k (id) where k.id = any(cast(:ids as uuid[]))"),
    "quotes": text(f"""
        select q.id from quotes q join opportunities o on o.id = q.opportunity
        where q.id = any(cast(:ids as uuid[])) and {condition("o.org")}
    """),
}


class ReachStore:
    """Knows the part of the organisation that things belong to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def inside(self, org: str, named: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
        """Those of the things, as collections and ids, that are within the part of the organisation."""
        found: set[tuple[str, str]] = set()
        for collection, ids in named.items():
            rows = self._connection.execute(_INSIDE[collection], {"ids": list(ids), "org": org}).scalars()
            found.update((collection, str(id_)) for id_ in rows)
        return found
