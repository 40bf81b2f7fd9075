"""What is within a part of the organisation, of the things that a request names."""

from __future__ import annotations

from sqlalchemy import text

from kit.org import condition
from services.pipeline.storage.contact import KNOWN

# ruff: noqa: S608 - the statements are put together from constants only
_OWN = "select t.id from {table} t where t.id = any(cast(:ids as uuid[])) and {within}"
INSIDE = {
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
