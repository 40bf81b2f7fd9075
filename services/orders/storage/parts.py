"""What belongs to a part of the organisation: by itself, by its order, or by the location where it lies."""

from __future__ import annotations

from sqlalchemy import TextClause, text

from kit.org import condition

PLAN_ANEW = text("set local plan_cache_mode = force_custom_plan")
"""How many rows a part of the organisation has, or a range of amounts or times, decides which index is best, so what
asks for them is planned for its values."""
# ruff: noqa: S608 - the statements are put together from constants only


def own(table: str, org: str) -> TextClause:
    """Whether rows of a table with an `org` are within a part."""
    return text(condition(f"{table}.org")).bindparams(org=org)


def of_order(table: str, org: str) -> TextClause:
    """Whether rows of a table with an `order_id` are of orders within a part."""
    within = condition("part.org")
    return text(f"exists (select from orders part where part.id = {table}.order_id and {within})").bindparams(org=org)


def at(table: str, org: str, *columns: str) -> TextClause:
    """Whether rows of a table lie at a location within a part, by one of the columns that name one."""
    places = f"select l.id from locations l where {condition('l.org')}"
    found = " or ".join(f"{table}.{column} in ({places})" for column in columns or ("location",))
    return text(f"({found})").bindparams(org=org)
