"""Families: a member with all who were merged into it. Orders and carts keep the member that they came under; whose
they are now is asked for when they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Connection, Select, Table, Uuid, cast, func, select, text, true

Order = Callable[[Any], Sequence[ColumnElement[Any]]]
"""By which of its columns a page is ordered."""


def root(member: str) -> str:
    """The SQL of who stands for a member; null for no member."""
    return f"coalesce((select m.root_id from members m where m.member_id = {member}), {member})"  # noqa: S608 - constants


def merged_into(root_: str) -> str:
    """The SQL of those who were merged into a member that stands for itself."""
    return f"select m.member_id from members m where m.root_id = {root_} and m.root_id <> m.member_id"  # noqa: S608 - constants


_FAMILY = text(f"""
    with standing as (select {root("cast(:member as uuid)")} as id)
    select s.id from standing s union all select f.member_id from standing s, lateral ({merged_into("s.id")}) f
""")  # noqa: S608 - constants


def family(connection: Connection, member: UUID) -> list[UUID]:
    """Who stands for a member, and then all for whom that one stands."""
    return list(connection.execute(_FAMILY, {"member": member}).scalars())


def page_of(rows: Select[Any], table: Table, members: Sequence[UUID], order: Order, limit: int) -> Select[Any]:
    """A page of what members have, of each member a page by its index: no index has the rows of several in order."""
    if len(members) == 1:
        return rows.where(table.c.member_id == members[0]).order_by(*order(table.c)).limit(limit)
    asked = func.unnest(cast(list(members), ARRAY(Uuid))).table_valued("id", name="family").render_derived()
    of_each = rows.where(table.c.member_id == asked.c.id).order_by(*order(table.c)).limit(limit).lateral("of_each")
    return select(of_each).select_from(asked).join(of_each, true()).order_by(*order(of_each.c)).limit(limit)
