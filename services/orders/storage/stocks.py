"""Stock: rows to domain and back. Only `apply` changes its units, and it writes the movements with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause, insert, select, text, tuple_, update

from kit.page import Page
from services.orders.domain.location import Location
from services.orders.domain.stock import Movement, MovementKind, Place, Stock, StockQuery, StoredMovement
from services.orders.domain.stock_policy import Policy, PolicyKind
from services.orders.storage import parts
from services.orders.storage.locations import location_of
from services.orders.storage.tables.core import stock_movements, stocks

_STOCK = """s.product_id, s.location, s.on_hand, s.reserved, s.version, s.update_time, s.backordered, s.buffer,
           s.threshold, s.policy, s.policy_limit, s.arrive_time"""

_GET = text(f"select {_STOCK} from stocks s where s.product_id = :product and s.location = :location")  # noqa: S608 - constants

# Locks are taken in the order of the key, so that two transactions can't lock each other out.
_LOCK = text(f"""
    select {_STOCK}
    from stocks s
    join unnest(cast(:products as uuid[]), cast(:locations as text[])) as p (product_id, location)
      on s.product_id = p.product_id and s.location = p.location
    order by s.product_id, s.location
    for update of s
""")  # noqa: S608 - constants

_MOVED = text("""
    select p.product_id, p.location
    from unnest(cast(:products as uuid[]), cast(:locations as text[])) as p (product_id, location)
    where exists (select from stock_movements m where m.product_id = p.product_id and m.location = p.location)
""")

# What could serve an order: the stock of its products at every location that ships, and at those that it names.
_SEEN = f"""
    select {_STOCK}, l.id, l.title, l.kind, l.active, l.ships, l.pickup, l.priority, l.version, l.create_time,
           l.update_time, l.org
    from stocks s
    join locations l on l.id = s.location
    where s.product_id = any(cast(:products as uuid[]))
      and (l.active and l.ships or l.id = any(cast(:named as text[])))
    order by s.product_id, s.location
"""  # noqa: S608 - constants
_SUPPLY = text(f"{_SEEN} for update of s")

_AWAITED = text(f"""
    select {_STOCK} from stocks s
    where s.backordered > 0 and s.on_hand > s.reserved + s.buffer
    order by s.product_id, s.location
    limit :limit for update skip locked
""")  # noqa: S608 - constants

_OPEN = text("""
    insert into stocks (product_id, location, on_hand, reserved, version, update_time)
    select p.product_id, p.location, 0, 0, 1, cast(:now as timestamptz)
    from unnest(cast(:products as uuid[]), cast(:locations as text[])) as p (product_id, location)
    join products on products.id = p.product_id
    join locations l on l.id = p.location
    order by p.product_id, p.location
    on conflict (product_id, location) do nothing
""")

# The stock follows from the very rows that are added to its history.
_APPLY = text(f"""
    with moved as (
        insert into stock_movements (product_id, location, kind, on_hand, reserved, order_id, note, move_time,
                                     backordered, source)
        select m.product_id, m.location, m.kind, m.on_hand, m.reserved, m.order_id, m.note, cast(:now as timestamptz),
               m.backordered, m.source
        from unnest(cast(:products as uuid[]), cast(:locations as text[]), cast(:kinds as text[]),
                    cast(:on_hand as bigint[]), cast(:reserved as bigint[]), cast(:orders as uuid[]),
                    cast(:notes as text[]), cast(:backordered as bigint[]), cast(:sources as text[]))
            as m (product_id, location, kind, on_hand, reserved, order_id, note, backordered, source)
        returning product_id, location, on_hand, reserved, backordered
    ), delta as (
        select product_id, location, cast(sum(on_hand) as bigint) as on_hand,
               cast(sum(reserved) as bigint) as reserved, cast(sum(backordered) as bigint) as backordered
        from moved group by product_id, location
    ), locked as (
        select s.product_id, s.location, d.on_hand, d.reserved, d.backordered
        from stocks s join delta d on s.product_id = d.product_id and s.location = d.location
        order by s.product_id, s.location
        for update of s
    )
    update stocks s
    set on_hand = s.on_hand + l.on_hand, reserved = s.reserved + l.reserved,
        backordered = s.backordered + l.backordered, version = s.version + 1,
        update_time = cast(:now as timestamptz)
    from locked l where s.product_id = l.product_id and s.location = l.location
    returning {_STOCK}
""")  # noqa: S608 - constants

_OUT = text("""
    select order_id, product_id, location, cast(-sum(on_hand) as bigint) from stock_movements
    where order_id = any(cast(:orders as uuid[]))
    group by order_id, product_id, location
""")

_COLUMNS = (
    stocks.c.product_id,
    stocks.c.location,
    stocks.c.on_hand,
    stocks.c.reserved,
    stocks.c.version,
    stocks.c.update_time,
    stocks.c.backordered,
    stocks.c.buffer,
    stocks.c.threshold,
    stocks.c.policy,
    stocks.c.policy_limit,
    stocks.c.arrive_time,
)
_WIDTH = len(_COLUMNS)


class StockStore:
    """The stock of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, place: Place, now: datetime) -> None:
        """Begin to keep stock at a place, with nothing there."""
        self._connection.execute(
            insert(stocks).values(
                product_id=place.product, location=place.location, on_hand=0, reserved=0, version=1, update_time=now
            )
        )

    def open_missing(self, places: Iterable[Place], now: datetime) -> None:
        """Begin to keep stock at those of the places that have none, where both the product and the location exist."""
        self._connection.execute(_OPEN, {**_places(places), "now": now})

    def get(self, place: Place) -> Stock | None:
        """The stock at a place."""
        row = self._connection.execute(_GET, {"product": place.product, "location": place.location}).one_or_none()
        return _stock(row) if row else None

    def page(self, query: StockQuery, page: Page) -> list[Stock]:
        """The stock of a page and one more if there are more, by product and location."""
        statement = select(*_COLUMNS).order_by(stocks.c.product_id, stocks.c.location).limit(page.fetch)
        if query.product is not None:
            statement = statement.where(stocks.c.product_id == query.product)
        if query.location is not None:
            statement = statement.where(stocks.c.location == query.location)
        if query.org:
            statement = statement.where(parts.at("stocks", query.org))
        if query.low:
            free = stocks.c.on_hand - stocks.c.reserved - stocks.c.buffer - stocks.c.backordered
            statement = statement.where(free <= stocks.c.threshold)
        if page.after is not None:
            at = (UUID(page.after[0]), page.after[1])
            statement = statement.where(tuple_(stocks.c.product_id, stocks.c.location) > at)
        return [_stock(row) for row in self._connection.execute(statement)]

    def lock(self, places: Iterable[Place]) -> list[Stock]:
        """The stock at those of the places that exist, which nobody else changes until the transaction ends."""
        return [_stock(row) for row in self._connection.execute(_LOCK, _places(places))]

    def lock_unmoved(self, places: Iterable[Place]) -> set[Place]:
        """Those of the places that have stock which never moved, and which nobody else moves until the transaction
        ends."""
        rows = self._connection.execute(_LOCK, _places(places)).all()
        moved = self._connection.execute(_MOVED, _places(_stock(row).place for row in rows))
        return {_stock(row).place for row in rows} - {Place(UUID(str(row[0])), row[1]) for row in moved}

    def supply(self, products: Iterable[UUID], named: Iterable[str]) -> tuple[list[Stock], Mapping[str, Location]]:
        """The locked stock of products at the locations that ship and at the `named` ones, and these locations."""
        return self._supply(_SUPPLY, products, named)

    def seen(self, products: Iterable[UUID], named: Iterable[str]) -> tuple[list[Stock], Mapping[str, Location]]:
        """As `supply`, without a lock."""
        return self._supply(text(_SEEN), products, named)

    def _supply(
        self, statement: TextClause, products: Iterable[UUID], named: Iterable[str]
    ) -> tuple[list[Stock], Mapping[str, Location]]:
        rows = self._connection.execute(statement, {"products": sorted(products), "named": sorted(named)}).all()
        return [_stock(row[:_WIDTH]) for row in rows], {row[_WIDTH]: location_of(row[_WIDTH:]) for row in rows}

    def out(self, orders: Iterable[UUID]) -> dict[tuple[UUID, Place], int]:
        """Units that left for orders and are not back, by order and place."""
        rows = self._connection.execute(_OUT, {"orders": list(orders)})
        return {(UUID(str(row[0])), Place(UUID(str(row[1])), row[2])): int(row[3]) for row in rows}

    def awaited(self, limit: int) -> list[Stock]:
        """Stock that has units for what it promised; locked, what others lock is passed over."""
        return [_stock(row) for row in self._connection.execute(_AWAITED, {"limit": limit})]

    def apply(self, movements: Sequence[Movement], now: datetime) -> list[Stock]:
        """Store movements and the stock that follows from them; answers the stock of their places."""
        if not movements:
            return []
        columns = {
            "products": [movement.place.product for movement in movements],
            "locations": [movement.place.location for movement in movements],
            "kinds": [movement.kind.value for movement in movements],
            "on_hand": [movement.on_hand for movement in movements],
            "reserved": [movement.reserved for movement in movements],
            "orders": [movement.order for movement in movements],
            "notes": [movement.note for movement in movements],
            "backordered": [movement.backordered for movement in movements],
            "sources": [movement.source for movement in movements],
            "now": now,
        }
        return [_stock(row) for row in self._connection.execute(_APPLY, columns)]

    def set_terms(self, stock: Stock) -> None:
        """Store the buffer, threshold and policy of a place; the index `stocks_policy` refuses a second one that
        promises units of a product."""
        statement = update(stocks).where(
            stocks.c.product_id == stock.place.product, stocks.c.location == stock.place.location
        )
        self._connection.execute(
            statement.values(
                buffer=stock.buffer,
                threshold=stock.threshold,
                policy=stock.policy.kind.value,
                policy_limit=stock.policy.limit,
                arrive_time=stock.policy.arrive_time,
                version=stock.version,
                update_time=stock.update_time,
            )
        )

    def movements(self, place: Place, page: Page) -> list[StoredMovement]:
        """The movements of a page and one more if there are more, the latest first."""
        statement = (
            select(stock_movements)
            .where(stock_movements.c.product_id == place.product, stock_movements.c.location == place.location)
            .order_by(stock_movements.c.id.desc())
            .limit(page.fetch)
        )
        if page.after is not None:
            statement = statement.where(stock_movements.c.id < int(page.after[0]))
        return [_movement(row) for row in self._connection.execute(statement)]


def _places(places: Iterable[Place]) -> dict[str, object]:
    ordered = sorted(places)
    return {
        "products": [place.product for place in ordered],
        "locations": [place.location for place in ordered],
    }


def _stock(row: Sequence[Any]) -> Stock:
    product, location, on_hand, reserved, version, update_time, backordered, buffer, threshold, *policy = row
    kind, limit, arrive_time = policy
    return Stock(
        Place(UUID(str(product)), location),
        on_hand,
        reserved,
        version,
        update_time,
        backordered=backordered,
        buffer=buffer,
        threshold=threshold,
        policy=Policy(PolicyKind(kind), limit, arrive_time),
    )


def _movement(row: Row[*tuple[Any, ...]]) -> StoredMovement:
    place = Place(UUID(str(row.product_id)), row.location)
    movement = Movement(
        place,
        MovementKind(row.kind),
        row.on_hand,
        row.reserved,
        UUID(str(row.order_id)) if row.order_id else None,
        row.note,
        row.backordered,
        row.source,
    )
    return StoredMovement(row.id, movement, row.move_time)
