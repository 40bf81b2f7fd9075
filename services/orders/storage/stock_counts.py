"""Counts with their lines: rows to domain and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, literal_column, select, text, tuple_, update

from kit.page import Page
from services.orders.domain.stock_count import CountLine, CountState, StockCount
from services.orders.storage import parts
from services.orders.storage.tables.stock import stock_counts

_LINES = """
    (select cast(json_agg(json_build_array(l.product_id, l.counted, l.expected, l.count_time) order by l.product_id)
             as text)
     from stock_count_lines l where l.count_id = stock_counts.id)"""
_WHOLE = (*stock_counts.c, literal_column(_LINES).label("lines"))

_ENTER = text("""
    insert into stock_count_lines (count_id, product_id, counted, expected, count_time, open_at)
    select cast(:count as uuid), l.product_id, l.counted, l.expected, l.count_time, :location
    from unnest(cast(:products as uuid[]), cast(:counted as bigint[]), cast(:expected as bigint[]),
                cast(:times as timestamptz[])) as l (product_id, counted, expected, count_time)
    on conflict (count_id, product_id)
    do update set counted = excluded.counted, expected = excluded.expected, count_time = excluded.count_time
""")

_ELSEWHERE = text("""
    select product_id, count_id from stock_count_lines
    where product_id = any(cast(:products as uuid[])) and open_at = :location and count_id <> cast(:count as uuid)
    order by product_id limit 1
""")

_CLOSE = text("update stock_count_lines set open_at = null where count_id = cast(:count as uuid)")


class StockCountStore:
    """The counts of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, count: StockCount) -> None:
        """Store a new count."""
        values = {"id": count.id, "location": count.location, "note": count.note, "create_time": count.create_time}
        self._connection.execute(insert(stock_counts).values(**values, **_standing(count)))

    def get(self, count_id: UUID) -> StockCount | None:
        """A count."""
        row = self._connection.execute(select(*_WHOLE).where(stock_counts.c.id == count_id)).one_or_none()
        return _count(row) if row else None

    def lock(self, count_id: UUID) -> StockCount | None:
        """A count, which nobody else changes until the transaction ends."""
        statement = select(stock_counts.c.id).where(stock_counts.c.id == count_id).with_for_update()
        return self.get(count_id) if self._connection.execute(statement).one_or_none() else None

    def save(self, count: StockCount, entered: Sequence[CountLine] = ()) -> None:
        """Store a changed count and the lines that were entered."""
        self._connection.execute(update(stock_counts).where(stock_counts.c.id == count.id).values(_standing(count)))
        if entered:
            columns = {
                "count": count.id,
                "location": count.location,
                "products": [line.product for line in entered],
                "counted": [line.counted for line in entered],
                "expected": [line.expected for line in entered],
                "times": [line.time for line in entered],
            }
            self._connection.execute(_ENTER, columns)
        if count.state is not CountState.OPEN:
            self._connection.execute(_CLOSE, {"count": count.id})

    def elsewhere(self, count: StockCount, products: Iterable[UUID]) -> tuple[UUID, UUID] | None:
        """One of the products that another open count has a number of at the same place, and that count."""
        asked = {"products": list(products), "location": count.location, "count": count.id}
        row = self._connection.execute(_ELSEWHERE, asked).one_or_none()
        return (UUID(str(row[0])), UUID(str(row[1]))) if row else None

    def page(self, state: CountState | None, page: Page, *, org: str = "") -> list[StockCount]:
        """The counts of a page and one more if there are more, the latest first; of a part of the organisation, if
        given."""
        latest = (stock_counts.c.create_time.desc(), stock_counts.c.id.desc())
        statement = select(*_WHOLE).order_by(*latest).limit(page.fetch)
        if state is not None:
            statement = statement.where(stock_counts.c.state == state.value)
        if org:
            statement = statement.where(parts.at("stock_counts", org))
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(stock_counts.c.create_time, stock_counts.c.id) < at)
        return [_count(row) for row in self._connection.execute(statement)]


def _standing(count: StockCount) -> dict[str, object]:
    return {"state": count.state.value, "end_time": count.end_time, "version": count.version}


def _count(row: Row[*tuple[Any, ...]]) -> StockCount:
    return StockCount(
        UUID(str(row.id)),
        row.location,
        row.note,
        CountState(row.state),
        row.create_time,
        row.end_time,
        row.version,
        tuple(
            CountLine(UUID(product), counted, expected, datetime.fromisoformat(time))
            for product, counted, expected, time in json.loads(row.lines or "[]")
        ),
    )
