"""What belongs to a part of the organisation: by itself, by its order or store, or by the location where it lies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, TextClause, select, text, true

from kit.org import condition
from services.orders.storage.tables.catalogue import stores

Order = Callable[[Any], Sequence[ColumnElement[Any]]]
"""By which of its columns a page is ordered."""

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


def of_stores(rows: Select[Any], table: Table, org: str, order: Order) -> Select[Any]:
    """A page of what the stores within a part have, of each store a page by its index: the planner can't know how much
    of a table a few stores have, and would go through what others have."""
    part = stores.alias("part")
    own = rows.where(table.c.store == part.c.code, table.c.store != "").lateral("own")
    within = text(condition("part.org")).bindparams(org=org)
    return select(own).select_from(part).join(own, true()).where(within).order_by(*order(own.c))


def at(table: str, org: str, *columns: str) -> TextClause:
    """Whether rows of a table lie at a location within a part, by one of the columns that name one."""
    places = f"select l.id from locations l where {condition('l.org')}"
    found = " or ".join(f"{table}.{column} in ({places})" for column in columns or ("location",))
    return text(f"({found})").bindparams(org=org)
