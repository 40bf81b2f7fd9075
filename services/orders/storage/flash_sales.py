"""Flash sales: rows to domain and back, their figures, and what was refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text, tuple_, update

from kit.money import Money
from kit.page import Page
from services.orders.domain.flash_sale import Figures, FlashSale, FlashSaleQuery, FlashSaleState, RefundPolicy, Terms
from services.orders.domain.stock import Place
from services.orders.storage.tables.flash_sales import flash_sale_buckets, flash_sales

_COLUMNS = [column for column in flash_sales.c if column.name != "next_admission"]
_SALE = ", ".join(f"s.{column.name}" for column in _COLUMNS)

_GET = text(f"select {_SALE} from flash_sales s where s.id = any(cast(:ids as uuid[]))")  # noqa: S608 - constants

_DUE = text(f"""
    select {_SALE} from flash_sales s where s.ending is null and s.end_time <= cast(:now as timestamptz)
    order by s.end_time limit :limit for update skip locked
""")  # noqa: S608 - constants

_FREE = text("""
    select sale_id, number, free from flash_sale_buckets where sale_id = any(cast(:ids as uuid[]))
    order by sale_id, number
""")

_FIGURES = text(f"""
    select {_SALE}, cast(sum(b.free) as bigint) as sum_free, cast(sum(b.held) as bigint) as sum_held,
           cast(sum(b.sold) as bigint) as sum_sold, cast(sum(b.returned) as bigint) as sum_returned,
           cast(sum(b.quota) as bigint) as sum_quota,
           (select cast(json_agg(json_build_array(r.reason, r.count) order by r.reason) as text)
            from flash_sale_refusals r where r.sale_id = s.id) as refusals
    from flash_sales s join flash_sale_buckets b on b.sale_id = s.id
    where s.id = any(cast(:ids as uuid[])) group by s.id
""")  # noqa: S608 - constants

_REFUSED = text("""
    insert into flash_sale_refusals as r (sale_id, reason, count)
    select * from unnest(cast(:sales as uuid[]), cast(:reasons as text[]), cast(:counts as bigint[])) as n (s, r, c)
    order by s, r
    on conflict (sale_id, reason) do update set count = r.count + excluded.count
""")

_MILLISECOND = timedelta(milliseconds=1)


class FlashSaleStore:
    """The flash sales of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, sale: FlashSale) -> None:
        """Store a new sale with its buckets."""
        self._connection.execute(insert(flash_sales).values(**_row(sale)))
        buckets = [
            {
                "sale_id": bucket.sale,
                "number": bucket.number,
                "open": True,
                "quota": bucket.quota,
                "free": bucket.free,
                "held": 0,
                "sold": 0,
                "returned": 0,
            }
            for bucket in sale.opened()
        ]
        self._connection.execute(insert(flash_sale_buckets).values(buckets))

    def get(self, ids: Sequence[UUID]) -> dict[UUID, FlashSale]:
        """Those of the sales that exist."""
        return {sale.id: sale for sale in map(_sale, self._connection.execute(_GET, {"ids": list(ids)}))}

    def lock(self, sale_id: UUID) -> FlashSale | None:
        """The sale, which nobody else changes until the transaction ends. Buyers don't wait for it."""
        query = select(*_COLUMNS).where(flash_sales.c.id == sale_id).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return _sale(row) if row else None

    def due(self, now: datetime, limit: int) -> list[FlashSale]:
        """Sales whose time is over; locked, those that others lock are passed over."""
        return [_sale(row) for row in self._connection.execute(_DUE, {"now": now, "limit": limit})]

    def save(self, sales: Sequence[FlashSale]) -> None:
        """Store changed sales, few at a time."""
        for sale in sales:
            self._connection.execute(update(flash_sales).where(flash_sales.c.id == sale.id).values(**_row(sale)))

    def page(self, query: FlashSaleQuery, page: Page) -> list[FlashSale]:
        """The sales of a page and one more if there are more, the latest start first."""
        latest = (flash_sales.c.start_time.desc(), flash_sales.c.id.desc())
        statement = select(*_COLUMNS).order_by(*latest).limit(page.fetch)
        if query.product is not None:
            statement = statement.where(flash_sales.c.product_id == query.product)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(flash_sales.c.start_time, flash_sales.c.id) < at)
        return [_sale(row) for row in self._connection.execute(statement)]

    def free(self, ids: Sequence[UUID]) -> dict[UUID, tuple[int, ...]]:
        """The free units of sales, by bucket."""
        found: dict[UUID, list[int]] = {}
        for sale, _, free in self._connection.execute(_FREE, {"ids": list(ids)}):
            found.setdefault(UUID(str(sale)), []).append(free)
        return {sale: tuple(each) for sale, each in found.items()}

    def figures(self, ids: Sequence[UUID], now: datetime) -> dict[UUID, Figures]:
        """How sales go; all of a sale's numbers are of one moment."""
        rows = self._connection.execute(_FIGURES, {"ids": list(ids)})
        return {figures.sale.id: figures for figures in (_figures(row, now) for row in rows)}

    def refuse(self, counts: Mapping[tuple[UUID, str], int]) -> None:
        """Add to what was refused, by sale and reason."""
        columns = {
            "sales": [sale for sale, _ in counts],
            "reasons": [reason for _, reason in counts],
            "counts": list(counts.values()),
        }
        self._connection.execute(_REFUSED, columns)


def _row(sale: FlashSale) -> dict[str, object]:
    terms = sale.terms
    return {
        "id": sale.id,
        "product_id": sale.place.product,
        "location": sale.place.location,
        "display_name": terms.display_name,
        "price": terms.price.minor,
        "currency": terms.price.currency,
        "quota": terms.quota,
        "start_time": terms.start_time,
        "end_time": terms.end_time,
        "member_limit": terms.member_limit,
        "tiers": list(terms.tiers),
        "channels": list(terms.channels),
        "hold_ms": terms.hold // _MILLISECOND,
        "refund_policy": terms.refund_policy.value,
        "admitted_per_second": terms.admitted_per_second,
        "buckets": sale.buckets,
        "ending": sale.ending.value if sale.ending else None,
        "version": sale.version,
        "create_time": sale.create_time,
        "update_time": sale.update_time,
    }


def _sale(row: Row[*tuple[Any, ...]]) -> FlashSale:
    return FlashSale(
        id=UUID(str(row.id)),
        place=Place(UUID(str(row.product_id)), row.location),
        terms=Terms(
            display_name=row.display_name,
            price=Money(row.price, row.currency),
            quota=row.quota,
            start_time=row.start_time,
            end_time=row.end_time,
            member_limit=row.member_limit,
            tiers=tuple(_list(row.tiers)),
            channels=tuple(_list(row.channels)),
            hold=row.hold_ms * _MILLISECOND,
            refund_policy=RefundPolicy(row.refund_policy),
            admitted_per_second=row.admitted_per_second,
        ),
        buckets=row.buckets,
        ending=FlashSaleState(row.ending) if row.ending else None,
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _list(value: Any) -> list[str]:
    """JSON of a statement that is a text comes undecoded from asyncpg."""
    decoded: list[str] = json.loads(value) if isinstance(value, str) else value
    return decoded


def _figures(row: Row[*tuple[Any, ...]], now: datetime) -> Figures:
    return Figures(
        sale=_sale(row),
        quota=row.sum_quota,
        free=row.sum_free,
        held=row.sum_held,
        sold=row.sum_sold,
        returned=row.sum_returned,
        refusals=tuple((reason, count) for reason, count in json.loads(row.refusals or "[]")),
        read_time=now,
    )
