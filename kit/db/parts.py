"""What of a service's things is within a part of the organisation."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, TextClause

from kit.org import Named


class PartStore:
    """Knows the part of the organisation that things belong to.

    A service gives a statement for each collection, which answers those of `:ids` (texts) that are within `:org`.
    """

    def __init__(self, inside: Mapping[str, TextClause], connection: Connection) -> None:
        self._inside = inside
        self._connection = connection

    def inside(self, org: str, named: Named) -> set[tuple[str, str]]:
        """Those of the things, as collections and ids, that are within the part of the organisation."""
        found: set[tuple[str, str]] = set()
        for collection, ids in named.items():
            rows = self._connection.execute(self._inside[collection], {"ids": list(ids), "org": org}).scalars()
            found.update((collection, str(id_)) for id_ in rows)
        return found
