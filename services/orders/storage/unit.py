"""The unit of work of orders: one transaction and its stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kit.errors import Fault
from kit.unit import Stored, Unit
from services.orders.domain import errors
from services.orders.domain.errors import catalogue
from services.orders.storage.checkouts import CheckoutStore
from services.orders.storage.orders import OrderStore
from services.orders.storage.product_groups import ProductGroupStore
from services.orders.storage.products import ProductStore
from services.orders.storage.refunds import RefundStore
from services.orders.storage.stocks import StockStore

CONSTRAINTS: Mapping[str, Callable[[], Fault]] = {
    "products_sku": errors.sku_taken,
    "products_variant": catalogue.variant_taken,
}
"""What the schema's refusals mean to a caller."""


class OrdersUnit(Unit):
    """What the use-cases of orders see of a transaction."""

    products = Stored(ProductStore)
    product_groups = Stored(ProductGroupStore)
    stocks = Stored(StockStore)
    orders = Stored(OrderStore)
    refunds = Stored(RefundStore)
    checkouts = Stored(CheckoutStore)
