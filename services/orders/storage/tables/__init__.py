"""The tables of orders, a module per area; the migrations are checked against `metadata`."""

from services.orders.storage.tables import (
    catalogue,
    checkouts,
    core,
    desk,
    flash_sales,
    group_buys,
    payments,
    proof,
    shipping,
    stock,
)
from services.orders.storage.tables.base import metadata

__all__ = [
    "catalogue",
    "checkouts",
    "core",
    "desk",
    "flash_sales",
    "group_buys",
    "metadata",
    "payments",
    "proof",
    "shipping",
    "stock",
]
