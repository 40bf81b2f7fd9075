"""Who owns what a request names, and whether that is within a part of the organisation."""

from __future__ import annotations

from sqlalchemy import text

from kit.org import condition

# ruff: noqa: S608 - the statements are put together from constants only
_OWNERS = {
    "members": "select id as named, id as owner from members",
    "rightsCards": "select id as named, member as owner from rights_cards",
    "topUps": "select id as named, owner from top_ups where not of_card",
    "storedValuePayments": "select id as named, owner from stored_payments where not of_card",
}
INSIDE = {
    collection: text(f"""
        select o.named from ({owners}) o
        join members n on n.id = o.owner join members m on m.id = coalesce(n.merged_into, n.id)
        where o.named = any(cast(:ids as uuid[])) and {condition("m.org")}
    """)
    for collection, owners in _OWNERS.items()
}
