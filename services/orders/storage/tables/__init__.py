"""The tables of orders, a module per area; the migrations are checked against `metadata`."""

from services.orders.storage.tables import (
    bargains,
    catalogue,
    checkouts,
    core,
    desk,
    flash_sales,
    group_buys,
    ingest,
    members,
    payments,
    presales,
    proof,
    pulls,
    shipping,
    stock,
)
from services.orders.storage.tables.base import metadata

__all__ = [
    "bargains",
    "catalogue",
    "checkouts",
    "core",
    "desk",
    "flash_sales",
    "group_buys",
    "ingest",
    "members",
    "metadata",
    "payments",
    "presales",
    "proof",
    "pulls",
    "shipping",
    "stock",
]
