"""What is within a part of the organisation, of the things that a request names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text

from kit.org import condition

# ruff: noqa: S608 - the statements are put together from constants only
_INSIDE = {
    "couponTemplates": text(f"""
        select t.id from coupon_templates t where t.id = any(cast(:ids as uuid[])) and {condition("t.org")}
    """),
    "coupons": text(f"""
        select c.id from coupons c join coupon_templates t on t.id = c.template_id
        where c.id = any(cast(:ids as uuid[])) and {condition("t.org")}
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
