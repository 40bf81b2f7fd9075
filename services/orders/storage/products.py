"""Products: rows to domain and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, insert, select, text, tuple_, update

from kit.money import Money
from kit.page import Page
from services.orders.domain.product import Product, ProductQuery, ProductState
from services.orders.storage.tables.core import products

_GET = text("""
    select id, sku, title, price, currency, state, version, create_time, update_time, category
    from products where id = any(cast(:ids as uuid[]))
""")

_COLUMNS = (
    products.c.id,
    products.c.sku,
    products.c.title,
    products.c.price,
    products.c.currency,
    products.c.state,
    products.c.version,
    products.c.create_time,
    products.c.update_time,
    products.c.category,
)


class ProductStore:
    """The products of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, product: Product) -> None:
        """Store a new product; the index `products_sku` refuses a SKU that is taken."""
        self._connection.execute(insert(products).values(**_row(product)))

    def get(self, ids: Sequence[UUID]) -> dict[UUID, Product]:
        """Those of the products that exist."""
        rows = self._connection.execute(_GET, {"ids": list(ids)})
        return {product.id: product for product in map(_product, rows)}

    def lock(self, product_id: UUID) -> Product | None:
        """The product, which nobody else changes until the transaction ends."""
        query = select(*_COLUMNS).where(products.c.id == product_id).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return _product(row) if row else None

    def save(self, product: Product) -> None:
        """Store a changed product."""
        self._connection.execute(update(products).where(products.c.id == product.id).values(**_row(product)))

    def page(self, query: ProductQuery, page: Page) -> list[Product]:
        """The products of a page and one more if there are more, the latest first."""
        statement = select(*_COLUMNS).order_by(products.c.create_time.desc(), products.c.id.desc()).limit(page.fetch)
        if query.sku is not None:
            statement = statement.where(products.c.sku == query.sku)
        if query.state is not None:
            statement = statement.where(products.c.state == query.state.value)
        if page.after is not None:
            at = (datetime.fromisoformat(page.after[0]), UUID(page.after[1]))
            statement = statement.where(tuple_(products.c.create_time, products.c.id) < at)
        return [_product(row) for row in self._connection.execute(statement)]


def _row(product: Product) -> dict[str, object]:
    return {
        "id": product.id,
        "sku": product.sku,
        "title": product.title,
        "price": product.price.minor,
        "currency": product.price.currency,
        "state": product.state.value,
        "version": product.version,
        "create_time": product.create_time,
        "update_time": product.update_time,
        "category": product.category,
    }


def _product(row: Row[*tuple[Any, ...]]) -> Product:
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
    )
