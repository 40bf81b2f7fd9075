"""Price lists and their entries: rows to domain and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text, tuple_, update
from sqlalchemy.dialects import postgresql

from kit.errors import conflict
from kit.page import Page
from services.orders.domain.price_list import Candidate, Entry, PriceList, Shopper
from services.orders.domain.product import ProductState, Window
from services.orders.storage.families import root
from services.orders.storage.tables.catalogue import price_lists

# The conditions are those of PriceList.unmet.
_CANDIDATES = text(f"""
    select a.no, l.id, l.priority, l.currency, e.min_quantity, e.price
    from unnest(cast(:products as uuid[]), cast(:channels as text[]), cast(:stores as text[]),
                cast(:members as uuid[]), cast(:accounts as uuid[]))
        with ordinality as a (product_id, channel, store, member_id, account_id, no)
    cross join lateral (select {root("a.member_id")} as id) as buyer
    join price_entries e on e.product_id = a.product_id
    join price_lists l on l.id = e.list_id
    where l.state = 'ACTIVE'
      and (l.start_time is null or l.start_time <= cast(:now as timestamptz))
      and (l.end_time is null or cast(:now as timestamptz) < l.end_time)
      and l.channel in ('', a.channel)
      and l.store in ('', a.store)
      and (l.account_id is null or l.account_id = a.account_id)
      and (l.tier = '' or exists (
            select from buyer_tiers b where b.member_id = buyer.id and b.tier = l.tier))
      and (l.segment_id is null or exists (
            select from buyer_segments b
            where b.member_id = buyer.id and b.segment_id = l.segment_id and b.inside))
""")  # noqa: S608 - constants

_OF_PRODUCT = text("""
    select l.*, e.product_id, e.min_quantity, e.price
    from price_entries e join price_lists l on l.id = e.list_id
    where e.product_id = :product
    order by l.id, e.min_quantity
""")

_SET = text("""
    insert into price_entries (list_id, product_id, min_quantity, price)
    select :list, * from unnest(cast(:products as uuid[]), cast(:quantities as bigint[]), cast(:prices as bigint[]))
    on conflict (list_id, product_id, min_quantity) do update set price = excluded.price
    where price_entries.price <> excluded.price
""")
_SET_ALL = text("""
    insert into price_entries (list_id, product_id, min_quantity, price)
    select * from unnest(cast(:lists as uuid[]), cast(:products as uuid[]), cast(:quantities as bigint[]),
                         cast(:prices as bigint[]))
    on conflict (list_id, product_id, min_quantity) do update set price = excluded.price
""")
_OF_PRODUCTS = text("""
    select list_id, product_id, min_quantity, price from price_entries
    where list_id = any(cast(:lists as uuid[])) and product_id = any(cast(:products as uuid[]))
""")
_REMOVE = text("""
    delete from price_entries e
    using unnest(cast(:products as uuid[]), cast(:quantities as bigint[])) as g (product_id, min_quantity)
    where e.list_id = :list and e.product_id = g.product_id and e.min_quantity = g.min_quantity
""")
_ENTRIES = text("""
    select product_id, min_quantity, price from price_entries
    where list_id = :list
      and (cast(:product as uuid) is null or product_id = :product)
      and (product_id, min_quantity) > (cast(:after_product as uuid), cast(:after_quantity as bigint))
    order by product_id, min_quantity
    limit :rows
""")
_FIRST = (UUID(int=0), 0)


class PriceListStore:
    """The price lists of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, price_list: PriceList) -> None:
        """Store a new list."""
        self._connection.execute(insert(price_lists).values(**_row(price_list)))

    def get(self, list_id: UUID) -> PriceList | None:
        """The list, if it exists."""
        row = self._connection.execute(select(price_lists).where(price_lists.c.id == list_id)).one_or_none()
        return _price_list(row) if row else None

    def lock(self, list_id: UUID) -> PriceList | None:
        """The list, which nobody else changes until the transaction ends."""
        query = select(price_lists).where(price_lists.c.id == list_id).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return _price_list(row) if row else None

    def save(self, price_list: PriceList) -> None:
        """Store a changed list."""
        self._connection.execute(
            update(price_lists).where(price_lists.c.id == price_list.id).values(**_row(price_list))
        )

    def page(self, page: Page) -> list[PriceList]:
        """The lists of a page and one more if there are more, the latest first."""
        place = (price_lists.c.create_time, price_lists.c.id)
        statement = select(price_lists).order_by(*(each.desc() for each in place)).limit(page.fetch)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(*place) < at)
        return [_price_list(row) for row in self._connection.execute(statement)]

    def set(self, list_id: UUID, entries: Sequence[Entry]) -> None:
        """Store entries over those that are there."""
        columns = {
            "products": [entry.product for entry in entries],
            "quantities": [entry.min_quantity for entry in entries],
            "prices": [entry.price for entry in entries],
        }
        self._connection.execute(_SET, {"list": list_id, **columns})

    def lock_all(self, ids: Sequence[UUID]) -> dict[UUID, PriceList]:
        """Those of the lists that exist, which nobody else changes until the transaction ends."""
        query = select(price_lists).where(price_lists.c.id.in_(ids)).order_by(price_lists.c.id).with_for_update()
        rows = self._connection.execute(query) if ids else ()
        return {each.id: each for each in map(_price_list, rows)}

    def put(self, lists: Sequence[PriceList]) -> None:
        """Store new lists, and locked ones whose prices changed. Raises a Fault when another call just began one."""
        if lists:
            statement = postgresql.insert(price_lists).values([_row(each) for each in lists])
            changed = {name: statement.excluded[name] for name in ("version", "update_time")}
            newer = price_lists.c.version == statement.excluded.version - 1
            upsert = statement.on_conflict_do_update(index_elements=["id"], set_=changed, where=newer)
            if self._connection.execute(upsert).rowcount != len(lists):
                raise conflict()

    def entries_of(self, lists: Sequence[UUID], products: Sequence[UUID]) -> dict[tuple[UUID, UUID, int], int]:
        """The prices of products in lists: by list, product and quantity."""
        rows = self._connection.execute(_OF_PRODUCTS, {"lists": list(lists), "products": list(products)})
        return {(row.list_id, row.product_id, row.min_quantity): row.price for row in rows}

    def set_all(self, entries: Sequence[tuple[UUID, Entry]]) -> None:
        """Store entries of lists over those that are there."""
        if entries:
            columns = {
                "lists": [list_id for list_id, _ in entries],
                "products": [entry.product for _, entry in entries],
                "quantities": [entry.min_quantity for _, entry in entries],
                "prices": [entry.price for _, entry in entries],
            }
            self._connection.execute(_SET_ALL, columns)

    def remove(self, list_id: UUID, places: Sequence[tuple[UUID, int]]) -> None:
        """Forget the entries of products and quantities."""
        columns = {"products": [product for product, _ in places], "quantities": [least for _, least in places]}
        self._connection.execute(_REMOVE, {"list": list_id, **columns})

    def entries(self, list_id: UUID, product: UUID | None, page: Page) -> list[Entry]:
        """The entries of a page and one more if there are more, by product and quantity."""
        after = (UUID(page.after[0]), int(page.after[1])) if page.after else _FIRST
        place = {"after_product": after[0], "after_quantity": after[1], "rows": page.fetch}
        rows = self._connection.execute(_ENTRIES, {"list": list_id, "product": product, **place})
        return [_entry(row) for row in rows]

    def candidates(self, asked: Sequence[tuple[Shopper, UUID]], now: datetime) -> list[list[Candidate]]:
        """For each shopper and product, the entries of lists that apply."""
        shoppers = [shopper for shopper, _ in asked]
        columns: dict[str, object] = {
            "products": [product for _, product in asked],
            "channels": [shopper.channel for shopper in shoppers],
            "stores": [shopper.store for shopper in shoppers],
            "members": [shopper.member for shopper in shoppers],
            "accounts": [shopper.account for shopper in shoppers],
        }
        found: list[list[Candidate]] = [[] for _ in asked]
        for row in self._connection.execute(_CANDIDATES, {"now": now, **columns}):
            candidate = Candidate(UUID(str(row.id)), row.priority, row.currency, row.min_quantity, row.price)
            found[row.no - 1].append(candidate)
        return found

    def of_product(self, product_id: UUID) -> list[tuple[PriceList, list[Entry]]]:
        """All lists that have a price of the product, and their entries of it."""
        rows = self._connection.execute(_OF_PRODUCT, {"product": product_id})
        grouped = ([*group] for _, group in groupby(rows, key=lambda row: row.id))
        return [(_price_list(group[0]), [_entry(row) for row in group]) for group in grouped]


def _row(price_list: PriceList) -> dict[str, object]:
    return {
        "id": price_list.id,
        "title": price_list.title,
        "currency": price_list.currency,
        "priority": price_list.priority,
        "state": price_list.state.value,
        "channel": price_list.channel,
        "store": price_list.store,
        "tier": price_list.tier,
        "segment_id": price_list.segment,
        "account_id": price_list.account,
        "start_time": price_list.window.start,
        "end_time": price_list.window.end,
        "version": price_list.version,
        "create_time": price_list.create_time,
        "update_time": price_list.update_time,
    }


def _price_list(row: Row[*tuple[Any, ...]]) -> PriceList:
    return PriceList(
        title=row.title,
        currency=row.currency,
        priority=row.priority,
        channel=row.channel,
        store=row.store,
        tier=row.tier,
        segment=UUID(str(row.segment_id)) if row.segment_id else None,
        account=UUID(str(row.account_id)) if row.account_id else None,
        window=Window(row.start_time, row.end_time),
        id=UUID(str(row.id)),
        state=ProductState(row.state),
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _entry(row: Row[*tuple[Any, ...]]) -> Entry:
    return Entry(UUID(str(row.product_id)), row.min_quantity, row.price)
