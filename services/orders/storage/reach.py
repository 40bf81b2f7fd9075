"""What is within a part of the organisation, of the things that a request names."""

from __future__ import annotations

from sqlalchemy import text

from kit.org import condition

# ruff: noqa: S608 - the statements are put together from constants only
_PLACES = f"select l.id from locations l where {condition('l.org')}"
_STORES = f"select s.code from stores s where {condition('s.org')}"
_IDS = "any(cast(:ids as uuid[]))"
INSIDE = {
    "orders": text(f"select o.id from orders o where o.id = {_IDS} and {condition('o.org')}"),
    # An attempt is known by the order that it becomes, and by the store if it becomes none.
    "checkouts": text(f"""
        select o.id from orders o where o.id = {_IDS} and {condition("o.org")}
        union select c.order_id from checkouts c where c.order_id = {_IDS} and c.store in ({_STORES})
    """),
    "carts": text(f"select c.id from carts c where c.id = {_IDS} and c.store in ({_STORES})"),
    "groups": text(f"select g.id from buying_groups g where g.id = {_IDS} and g.store in ({_STORES})"),
    "stores": text(f"{_STORES} and s.code = any(cast(:ids as text[]))"),
    # A shop belongs to the part of the store of its code, as its orders do.
    "shops": text(f"{_STORES} and s.code = any(cast(:ids as text[]))"),
    "locations": text(f"{_PLACES} and l.id = any(cast(:ids as text[]))"),
    "reservations": text(f"select r.id from reservations r where r.id = {_IDS} and r.location in ({_PLACES})"),
    "stockCounts": text(f"select c.id from stock_counts c where c.id = {_IDS} and c.location in ({_PLACES})"),
    "stockTransfers": text(f"""
        select t.id from stock_transfers t
        where t.id = {_IDS} and (t.origin in ({_PLACES}) or t.destination in ({_PLACES}))
    """),
    "arrivals": text(f"select t.id from stock_transfers t where t.id = {_IDS} and t.destination in ({_PLACES})"),
    "departures": text(f"select t.id from stock_transfers t where t.id = {_IDS} and t.origin in ({_PLACES})"),
}
"""`arrivals` and `departures` are transfers, to be judged by one of their ends."""
