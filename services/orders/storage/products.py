"""Products: rows to domain and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, DateTime, Row, TextClause, cast, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import JSONB

from kit.money import Money
from kit.page import Page
from services.orders.domain import search
from services.orders.domain.product import (
    EVERYWHERE,
    Component,
    Image,
    Product,
    ProductQuery,
    ProductSearch,
    ProductState,
    Window,
)
from services.orders.storage.tables.core import products

NAMES = (
    *("id", "sku", "title", "price", "currency", "state", "version", "create_time", "update_time", "category"),
    *("description", "images", "attributes", "weight_grams", "tax_class", "purchase_limit", "group_id", "options"),
    *("components", "summed", "publications"),
)
"""The columns that a product is read from."""
_COLUMNS = [products.c[name] for name in NAMES]
_RECORD = """jsonb_to_recordset(cast(:rows as jsonb)) as r(
    id uuid, sku text, title text, price bigint, currency text, state text, version bigint, create_time timestamptz,
    update_time timestamptz, category text, description text, images jsonb, attributes jsonb, weight_grams bigint,
    tax_class text, purchase_limit bigint, group_id uuid, options jsonb, components jsonb, summed boolean,
    publications jsonb, terms text[])"""


def _statement(parts: str) -> TextClause:
    """The statement, with the names that all share filled in."""
    names = [*NAMES, "terms"]
    sets = ", ".join(f"{name} = r.{name}" for name in names if name not in ("id", "sku"))
    return text(parts.replace("<names>", ", ".join(NAMES)).replace("<sets>", sets).replace("<record>", _RECORD))


_GET = _statement("select <names> from products where id = any(cast(:ids as uuid[]))")
_FIND = _statement("""
    select <names>, exists (select from price_lists where state = 'ACTIVE') as listed
    from products where id = any(cast(:ids as uuid[]))
""")
_CHANGES = text("""
    select exists (select from price_lists where state = 'ACTIVE') as listed,
        array(
            select known.id from unnest(cast(:ids as uuid[]), cast(:versions as bigint[])) as known(id, version)
            left join products p on p.id = known.id where p.version is distinct from known.version
        ) as changed
""")
# In the order of their ids, so that two who lock several never wait for each other.
_LOCK = _statement("""
    select <names> from products where id = any(cast(:ids as uuid[])) order by id for no key update
""")
_LOCK_SKUS = _statement("""
    select <names> from products where sku = any(cast(:skus as text[])) order by id for no key update
""")
_ADD = _statement("insert into products (<names>, terms) select <names>, terms from <record>")
_ADD_UNLESS_TAKEN = _statement("""
    insert into products (<names>, terms) select <names>, terms from <record>
    on conflict (sku) do nothing returning products.id
""")
_SAVE = _statement("update products p set <sets> from <record> where p.id = r.id")
_BUNDLES = text("""
    select c.id from unnest(cast(:ids as uuid[])) as c(id)
    where exists (
        select from products b where b.components <> '[]'
            and b.components @> jsonb_build_array(jsonb_build_array(c.id))
    )
""")


class ProductStore:
    """The products of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *fresh: Product) -> None:
        """Store new products; the indexes refuse a SKU and a variant that are taken."""
        self._write(_ADD, fresh)

    def add_unless_taken(self, fresh: Sequence[Product]) -> set[UUID]:
        """Store those of the new products whose SKU is not taken; answers which."""
        rows = self._connection.execute(_ADD_UNLESS_TAKEN, {"rows": json.dumps([_row(each) for each in fresh])})
        return {UUID(str(row.id)) for row in rows}

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""
        return self._read(_GET, {"ids": list(ids)})

    def find(self, ids: Sequence[UUID]) -> tuple[dict[UUID, Product], bool]:
        """As `get`, and whether there is any price list that is active."""
        rows = self._connection.execute(_FIND, {"ids": list(ids)}).all()
        return {each.id: each for each in map(product, rows)}, any(row.listed for row in rows)

    def changes(self, versions: Mapping[UUID, int]) -> tuple[frozenset[UUID], bool]:
        """Those of the products that have another version or none, and whether any price list is active."""
        known = {"ids": list(versions), "versions": list(versions.values())}
        row = self._connection.execute(_CHANGES, known).one()
        return frozenset(UUID(str(each)) for each in row.changed), row.listed

    def lock_all(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist, which nobody else changes until the transaction ends."""
        return self._read(_LOCK, {"ids": list(ids)})

    def lock_skus(self, skus: Sequence[str]) -> dict[str, Product]:
        """As `lock_all`, by their SKUs."""
        return {each.sku: each for each in self._read(_LOCK_SKUS, {"skus": list(skus)}).values()}

    def save(self, *changed: Product) -> None:
        """Store changed products."""
        self._write(_SAVE, changed)

    def components_among(self, ids: Sequence[UUID]) -> set[UUID]:
        """Which of the products are in some bundle."""
        rows = self._connection.execute(_BUNDLES, {"ids": list(ids)}) if ids else ()
        return {UUID(str(row.id)) for row in rows}

    def page(self, query: ProductQuery, page: Page) -> list[Product]:
        """The products of a page and one more if there are more, the latest first."""
        conditions: list[ColumnElement[bool]] = []
        if query.sku is not None:
            conditions.append(products.c.sku == query.sku)
        if query.state is not None:
            conditions.append(products.c.state == query.state.value)
        return self._page(conditions, page)

    def search(self, wanted: ProductSearch, page: Page, now: datetime) -> list[Product]:
        """As `page`, of those that are found."""
        return self._page(list(_conditions(wanted, now)), page)

    def _page(self, conditions: Sequence[ColumnElement[bool]], page: Page) -> list[Product]:
        place = (products.c.create_time, products.c.id)
        statement = select(*_COLUMNS).where(*conditions).order_by(*(each.desc() for each in place)).limit(page.fetch)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(*place) < at)
        return [product(row) for row in self._connection.execute(statement)]

    def _read(self, statement: TextClause, parameters: Mapping[str, object]) -> dict[UUID, Product]:
        rows = self._connection.execute(statement, parameters)
        return {each.id: each for each in map(product, rows)}

    def _write(self, statement: TextClause, written: Sequence[Product]) -> None:
        if written:
            self._connection.execute(statement, {"rows": json.dumps([_row(each) for each in written])})


def _conditions(wanted: ProductSearch, now: datetime) -> Iterator[ColumnElement[bool]]:
    if wanted.terms:
        yield products.c.terms.contains(sorted(wanted.terms))
    if wanted.categories is not None:
        yield products.c.category.in_(wanted.categories)
    equal = {"state": wanted.state, "group_id": wanted.group, "currency": wanted.currency or None}
    yield from (products.c[name] == value for name, value in equal.items() if value is not None)
    if wanted.min_price is not None:
        yield products.c.price >= wanted.min_price
    if wanted.max_price is not None:
        yield products.c.price <= wanted.max_price
    if wanted.channel:
        yield from _offered(wanted.channel, now)


def _offered(channel: str, now: datetime) -> Iterator[ColumnElement[bool]]:
    """As Product.offered. A window of null is no array."""
    window = func.coalesce(products.c.publications[channel], products.c.publications[EVERYWHERE], type_=JSONB)
    start, end = (cast(window[place].astext, DateTime(timezone=True)) for place in (0, 1))
    yield func.jsonb_typeof(window) == "array"
    yield func.coalesce(start <= now, True)
    yield func.coalesce(end > now, True)


def product(row: Row[*tuple[Any, ...]]) -> Product:
    """The product in a row of NAMES."""
    return Product(
        id=UUID(str(row.id)),
        sku=row.sku,
        title=row.title,
        price=Money(row.price, row.currency),
        state=ProductState(row.state),
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
        category=row.category,
        description=row.description,
        images=tuple(Image(*image) for image in row.images),
        attributes=row.attributes,
        weight_grams=row.weight_grams,
        tax_class=row.tax_class,
        purchase_limit=row.purchase_limit,
        group=UUID(str(row.group_id)) if row.group_id else None,
        options=row.options,
        components=tuple(Component(UUID(part), quantity) for part, quantity in row.components),
        summed=row.summed,
        publications={channel: _window(times) for channel, times in row.publications.items()},
    )


def _row(product: Product) -> dict[str, object]:
    return {
        "id": str(product.id),
        "sku": product.sku,
        "title": product.title,
        "price": product.price.minor,
        "currency": product.price.currency,
        "state": product.state.value,
        "version": product.version,
        "create_time": product.create_time.isoformat(),
        "update_time": product.update_time.isoformat(),
        "category": product.category,
        "description": product.description,
        "images": [[image.url, image.alt] for image in product.images],
        "attributes": dict(product.attributes),
        "weight_grams": product.weight_grams,
        "tax_class": product.tax_class,
        "purchase_limit": product.purchase_limit,
        "group_id": str(product.group) if product.group else None,
        "options": dict(product.options),
        "components": [[str(part.product), part.quantity] for part in product.components],
        "summed": product.summed,
        "publications": {channel: _times(window) for channel, window in product.publications.items()},
        "terms": sorted(search.terms(product.sku, product.title, product.description)),
    }


def _window(times: Sequence[str | None] | None) -> Window | None:
    return Window(*(datetime.fromisoformat(each) if each else None for each in times)) if times else None


def _times(window: Window | None) -> list[str | None] | None:
    if window is None:
        return None
    return [each.isoformat() if each else None for each in (window.start, window.end)]
