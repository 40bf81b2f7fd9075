"""Shops, what they told, and what their codes stand for: rows to domain and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from kit.org import condition
from kit.page import Page
from services.orders.domain.ingest import Ingested, PlatformOrder, Shop, Snag, State
from services.orders.storage import parts

_SHOP = "code, title, platform, channel, currency, location, version, create_time, update_time"
_ADD_SHOP = text("""
    insert into shops (code, title, platform, channel, currency, location, version, create_time, update_time)
    values (:code, :title, :platform, :channel, :currency, :location, :version, cast(:create_time as timestamptz),
            cast(:update_time as timestamptz))
    on conflict (code) do nothing
""")
_GET_SHOP = text(f"select {_SHOP} from shops where code = :code")  # noqa: S608 - constants
_SHOPS = text(f"select {_SHOP} from shops where code > :after order by code limit :limit")  # noqa: S608 - constants
# A shop belongs to the part of the store of its code, as its orders do.
_SHOPS_OF_PART = text(f"""
    select {_SHOP} from shops
    where code > :after and code in (select s.code from stores s where {condition("s.org")})
    order by code limit :limit
""")  # noqa: S608 - constants

_ROW = "shop, tid, state, cast(told as text) as told, order_id, snags, residue, create_time, update_time"

# Whoever tells of the same order at the same moment waits here for the other.
_CLAIM = text("""
    insert into ingested_orders (shop, tid, state, create_time, update_time)
    select cast(:shop as text), t.tid, 'NEW', cast(:now as timestamptz), cast(:now as timestamptz)
    from unnest(cast(:tids as text[])) as t (tid) order by t.tid
    on conflict (shop, tid) do nothing
""")
_LOCK = text(f"""
    select {_ROW} from ingested_orders
    where shop = :shop and tid = any(cast(:tids as text[])) order by tid for update
""")  # noqa: S608 - constants
_GET = text(f"select {_ROW} from ingested_orders where shop = :shop and tid = :tid and state <> 'NEW'")  # noqa: S608 - constants
_DROP_NEW = text("""
    with gone as (
        delete from ingested_orders
        where shop = :shop and tid = any(cast(:tids as text[])) and state = 'NEW' returning tid
    )
    delete from ingested_lines
    where shop = :shop and oid = any(cast(:oids as text[])) and tid in (select tid from gone)
""")
_SAVE = text("""
    update ingested_orders i
    set state = u.state, modify_time = u.modify_time, told = u.told, order_id = u.order_id,
        snags = cast(u.snags as jsonb), residue = u.residue, update_time = u.update_time
    from unnest(cast(:shops as text[]), cast(:tids as text[]), cast(:states as text[]),
                cast(:modify_times as timestamptz[]), cast(:told as text[]), cast(:orders as uuid[]),
                cast(:snags as text[]), cast(:residues as bigint[]), cast(:update_times as timestamptz[]))
        as u (shop, tid, state, modify_time, told, order_id, snags, residue, update_time)
    where i.shop = u.shop and i.tid = u.tid
""")
_WAITING = text("""
    select tid from ingested_orders
    where shop = :shop and state = 'EXCEPTION' and snags @> cast(:snags as jsonb) order by tid limit :limit
""")
_PAGE = text(f"""
    select {_ROW} from ingested_orders
    where shop = :shop and tid > :after and state <> 'NEW'
      and (cast(:state as text) is null or state = cast(:state as text))
    order by tid limit :limit
""")  # noqa: S608 - constants
_EXCEPTIONS = text(f"""
    select {_ROW} from ingested_orders
    where shop = :shop and tid > :after and state = 'EXCEPTION' order by tid limit :limit
""")  # noqa: S608 - constants

_ADD_LINES = text("""
    insert into ingested_lines (shop, oid, tid)
    select cast(:shop as text), l.oid, l.tid
    from unnest(cast(:oids as text[]), cast(:tids as text[])) as l (oid, tid) order by l.oid
    on conflict (shop, oid) do nothing
""")
_LINES = text("select oid, tid from ingested_lines where shop = :shop and oid = any(cast(:oids as text[]))")

# A code that was mapped, or else the product with this very SKU.
_GOODS = text("""
    select s.sku, coalesce(c.product_id, p.id) as product_id
    from unnest(cast(:skus as text[])) as s (sku)
    left join channel_skus c on c.shop = :shop and c.sku = s.sku
    left join products p on p.sku = s.sku
    where coalesce(c.product_id, p.id) is not null
""")
_MAP = text("""
    insert into channel_skus (shop, sku, product_id) values (:shop, :sku, :product)
    on conflict (shop, sku) do update set product_id = excluded.product_id
""")


class IngestStore:
    """The shops of one transaction, and what they told."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_shop(self, shop: Shop) -> bool:
        """Store a new shop; answers whether its code was free."""
        values = {name: getattr(shop, name) for name in shop.__slots__}
        return self._connection.execute(_ADD_SHOP, values).rowcount == 1

    def shop(self, code: str) -> Shop | None:
        """A shop."""
        row = self._connection.execute(_GET_SHOP, {"code": code}).one_or_none()
        return Shop(*row) if row else None

    def shops(self, page: Page, *, org: str = "") -> list[Shop]:
        """The shops of a page and one more if there are more, by code; of a part of the organisation, if given."""
        query = {"after": str(page.after[0]) if page.after else "", "limit": page.fetch}
        if not org:
            return [Shop(*row) for row in self._connection.execute(_SHOPS, query)]
        self._connection.execute(parts.PLAN_ANEW)
        return [Shop(*row) for row in self._connection.execute(_SHOPS_OF_PART, {**query, "org": org})]

    def claim(self, shop: str, tids: Sequence[str], now: datetime) -> dict[str, Ingested]:
        """What is known of orders, those that are NEW included; nobody else changes them until the transaction ends."""
        self._connection.execute(_CLAIM, {"shop": shop, "tids": list(tids), "now": now})
        return self.lock(shop, tids)

    def lock(self, shop: str, tids: Sequence[str]) -> dict[str, Ingested]:
        """What is known of orders; nobody else changes them until the transaction ends."""
        rows = self._connection.execute(_LOCK, {"shop": shop, "tids": list(tids)})
        return {row.tid: _ingested(row) for row in rows}

    def drop_new(self, shop: str, tids: Sequence[str], oids: Sequence[str]) -> None:
        """Forget orders that are still NEW, and that these lines are theirs."""
        self._connection.execute(_DROP_NEW, {"shop": shop, "tids": list(tids), "oids": list(oids)})

    def save(self, changed: Sequence[Ingested]) -> None:
        """Store what is known of locked orders."""
        columns = {
            "shops": [each.shop for each in changed],
            "tids": [each.tid for each in changed],
            "states": [each.state.value for each in changed],
            "modify_times": [each.told.modify_time if each.told else None for each in changed],
            "told": [each.told.text() if each.told else None for each in changed],
            "orders": [each.order for each in changed],
            "snags": [json.dumps(each.snags) for each in changed],
            "residues": [each.residue for each in changed],
            "update_times": [each.update_time for each in changed],
        }
        self._connection.execute(_SAVE, columns)

    def waiting(self, shop: str, snag: Snag, limit: int) -> list[str]:
        """Orders that something stands in the way of."""
        query = {"shop": shop, "snags": json.dumps([snag]), "limit": limit}
        return list(self._connection.execute(_WAITING, query).scalars())

    def get(self, shop: str, tid: str) -> Ingested | None:
        """What is known of an order."""
        row = self._connection.execute(_GET, {"shop": shop, "tid": tid}).one_or_none()
        return _ingested(row) if row else None

    def page(self, shop: str, state: State | None, page: Page) -> list[Ingested]:
        """The orders of a page and one more if there are more, by their numbers."""
        query = {"shop": shop, "after": str(page.after[0]) if page.after else "", "limit": page.fetch}
        if state is State.EXCEPTION:  # a literal, so that its own index serves
            return [_ingested(row) for row in self._connection.execute(_EXCEPTIONS, query)]
        return [_ingested(row) for row in self._connection.execute(_PAGE, {**query, "state": state})]

    def add_lines(self, shop: str, lines: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Store whose lines numbers are, as (oid, tid), unless they are known; answers whose they are."""
        wanted = list(lines)
        columns = {"shop": shop, "oids": [oid for oid, _ in wanted], "tids": [tid for _, tid in wanted]}
        self._connection.execute(_ADD_LINES, columns)
        return {row.oid: row.tid for row in self._connection.execute(_LINES, columns)}

    def goods(self, shop: str, skus: Iterable[str]) -> Mapping[str, UUID]:
        """The products that codes of a shop stand for; those that nobody knows are missing."""
        rows = self._connection.execute(_GOODS, {"shop": shop, "skus": sorted(set(skus))})
        return {row.sku: UUID(str(row.product_id)) for row in rows}

    def map_sku(self, shop: str, sku: str, product: UUID) -> None:
        """Store which product a code stands for."""
        self._connection.execute(_MAP, {"shop": shop, "sku": sku, "product": product})


def _ingested(row: Row[*tuple[Any, ...]]) -> Ingested:
    return Ingested(
        row.shop,
        row.tid,
        State(row.state),
        PlatformOrder.of_text(row.told) if row.told else None,
        UUID(str(row.order_id)) if row.order_id else None,
        tuple(Snag(*snag) for snag in row.snags),
        row.residue,
        row.create_time,
        row.update_time,
    )
