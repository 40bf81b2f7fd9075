"""SearchOrders: the ids of a page, by whichever index the filters allow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, TextClause, exists, select, tuple_

from kit.page import Page
from services.orders.domain.desk import DeskQuery
from services.orders.storage import families, parts
from services.orders.storage.tables.core import order_lines, orders
from services.orders.storage.tables.desk import order_holds, order_tags
from services.orders.storage.tables.shipping import delivery_addresses

_EARLIER = order_lines.alias("earlier")
Condition = ColumnElement[bool] | TextClause


class OrderSearch:
    """The searches of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ids(self, query: DeskQuery, page: Page) -> list[UUID]:
        """The orders of a page and one more if there are more, the latest placed first."""
        driver, place_time, order_id, conditions = _driver(query)
        conditions += _filters(query, driver, order_id)
        if query.org:
            conditions.append(parts.own("orders", query.org))
        if query.start is not None:
            conditions.append(place_time >= query.start)
        if query.end is not None:
            conditions.append(place_time < query.end)
        if page.after is not None:
            conditions.append(
                tuple_(place_time, order_id) < (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            )
        source = driver if driver is orders or not _asks_orders(query) else driver.join(orders, orders.c.id == order_id)
        statement: Select[Any]
        if query.member is None:
            statement = select(order_id).select_from(source).where(*conditions)
            statement = statement.order_by(place_time.desc(), order_id.desc()).limit(page.fetch)
        else:
            rows = select(orders.c.id, orders.c.place_time).where(*conditions)
            members = families.family(self._connection, query.member)
            statement = families.page_of(rows, orders, members, _latest, page.fetch)
        self._connection.execute(parts.PLAN_ANEW)
        return [UUID(str(row[0])) for row in self._connection.execute(statement)]


def _driver(
    query: DeskQuery,
) -> tuple[Any, ColumnElement[Any], ColumnElement[Any], list[Condition]]:
    """The table whose index has the rows in the order of the pages. Where a filter leaves few orders it is left to the
    planner to begin there or with the lines of a SKU."""
    few = any(each is not None for each in (query.counter, query.phone, query.member, query.store))
    if query.sku is not None and not few:
        lines = order_lines.c
        again = exists().where(
            _EARLIER.c.order_id == lines.order_id, _EARLIER.c.sku == lines.sku, _EARLIER.c.position < lines.position
        )
        return order_lines, lines.place_time, lines.order_id, [lines.sku == query.sku, ~again]
    if query.tag is not None and not few:
        tags = order_tags.c
        return order_tags, tags.place_time, tags.order_id, [tags.tag == query.tag]
    if query.held and not few:
        return order_holds, order_holds.c.place_time, order_holds.c.order_id, []
    return orders, orders.c.place_time, orders.c.id, []


def _columns(query: DeskQuery) -> Sequence[tuple[ColumnElement[Any], object]]:
    return (
        (orders.c.counter, query.counter),
        (orders.c.state, query.state.value if query.state else None),
        (orders.c.channel, query.channel),
        (orders.c.store, query.store),
        (orders.c.currency, query.currency),
    )


def _filters(query: DeskQuery, driver: Any, order_id: ColumnElement[Any]) -> list[Condition]:
    """What the driver itself does not say."""
    conditions: list[Condition] = [column == value for column, value in _columns(query) if value is not None]
    if query.store:
        conditions.append(orders.c.store != "")  # what the index of stores asks for
    if query.least is not None:
        conditions.append(orders.c.total >= query.least)
    if query.most is not None:
        conditions.append(orders.c.total <= query.most)
    if query.phone is not None:
        sent = delivery_addresses.c
        conditions.append(order_id.in_(select(sent.order_id).where(sent.phone == query.phone, sent.phone != "")))
    if query.sku is not None and driver is not order_lines:
        lines = order_lines.c
        conditions.append(exists().where(lines.order_id == order_id, lines.sku == query.sku))
    if query.tag is not None and driver is not order_tags:
        tags = order_tags.c
        conditions.append(exists().where(tags.order_id == order_id, tags.tag == query.tag))
    if query.held and driver is not order_holds:
        conditions.append(exists().where(order_holds.c.order_id == order_id))
    return conditions


def _asks_orders(query: DeskQuery) -> bool:
    """Whether a filter is one of the order's own columns."""
    return any(
        value is not None
        for value in (*(each for _, each in _columns(query)), query.least, query.most, query.org or None)
    )


def _latest(columns: Any) -> tuple[ColumnElement[Any], ...]:
    return columns.place_time.desc(), columns.id.desc()
