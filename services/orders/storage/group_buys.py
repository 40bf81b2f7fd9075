"""Group buys: rows to domain and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, tuple_, update

from kit.money import Money
from kit.page import Page
from services.orders.domain.group_buy import GroupBuy, GroupBuyKind, GroupBuyQuery, PriceStep, Terms
from services.orders.storage.tables.group_buys import group_buys

_MILLISECOND = timedelta(milliseconds=1)


class GroupBuyStore:
    """The group buys of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, group_buy: GroupBuy) -> None:
        """Store a new group buy."""
        self._connection.execute(insert(group_buys).values(**_row(group_buy)))

    def get(self, ids: Sequence[UUID]) -> dict[UUID, GroupBuy]:
        """Those of the group buys that exist."""
        rows = self._connection.execute(select(group_buys).where(group_buys.c.id.in_(ids)))
        return {found.id: found for found in map(_group_buy, rows)}

    def lock(self, group_buy_id: UUID) -> GroupBuy | None:
        """The group buy, which nobody else changes until the transaction ends."""
        query = select(group_buys).where(group_buys.c.id == group_buy_id).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return _group_buy(row) if row else None

    def save(self, group_buy: GroupBuy) -> None:
        """Store a changed group buy."""
        self._connection.execute(update(group_buys).where(group_buys.c.id == group_buy.id).values(**_row(group_buy)))

    def page(self, query: GroupBuyQuery, page: Page) -> list[GroupBuy]:
        """The group buys of a page and one more if there are more, the latest start first."""
        latest = (group_buys.c.start_time.desc(), group_buys.c.id.desc())
        statement = select(group_buys).order_by(*latest).limit(page.fetch)
        if query.product is not None:
            statement = statement.where(group_buys.c.product_id == query.product)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(group_buys.c.start_time, group_buys.c.id) < at)
        return [_group_buy(row) for row in self._connection.execute(statement)]


def steps_row(steps: Sequence[PriceStep]) -> list[list[int]]:
    """Price steps as they are stored."""
    return [[step.members, step.price] for step in steps]


def steps_of(stored: Any) -> tuple[PriceStep, ...]:
    """Price steps as they were stored: JSON of a statement that is a text comes undecoded from asyncpg."""
    decoded: list[tuple[int, int]] = json.loads(stored) if isinstance(stored, str) else stored
    return tuple(PriceStep(members, price) for members, price in decoded)


def _row(group_buy: GroupBuy) -> dict[str, object]:
    terms = group_buy.terms
    return {
        "id": group_buy.id,
        "product_id": group_buy.product,
        "kind": group_buy.kind.value,
        "display_name": terms.display_name,
        "price": terms.price.minor,
        "currency": terms.price.currency,
        "size": terms.size,
        "steps": steps_row(terms.steps),
        "start_time": terms.start_time,
        "end_time": terms.end_time,
        "duration_ms": terms.duration // _MILLISECOND,
        "hold_ms": terms.hold // _MILLISECOND,
        "member_limit": terms.member_limit,
        "channels": list(terms.channels),
        "cancel_time": group_buy.cancel_time,
        "version": group_buy.version,
        "create_time": group_buy.create_time,
        "update_time": group_buy.update_time,
    }


def _group_buy(row: Row[*tuple[Any, ...]]) -> GroupBuy:
    return GroupBuy(
        id=UUID(str(row.id)),
        product=UUID(str(row.product_id)),
        kind=GroupBuyKind(row.kind),
        terms=Terms(
            display_name=row.display_name,
            price=Money(row.price, row.currency),
            size=row.size,
            start_time=row.start_time,
            end_time=row.end_time,
            duration=row.duration_ms * _MILLISECOND,
            hold=row.hold_ms * _MILLISECOND,
            member_limit=row.member_limit,
            channels=tuple(row.channels),
            steps=steps_of(row.steps),
        ),
        cancel_time=row.cancel_time,
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )
