"""Verify the stock of the whole database, in one snapshot of it."""

from __future__ import annotations

from functools import partial

from kit.db import Database
from services.orders import publish
from services.orders.domain.stock_proof import StockReport
from services.orders.storage.unit import OrdersUnit

_TOLD = 1_000


def verify(url: str) -> StockReport:
    """Compare the stock of every place with its movements and its holders."""
    database = Database(
        url, partial(OrdersUnit, publish=publish.to_event), pool_size=1, statement_timeout_ms=0, name="kehu verify"
    )
    try:
        return database.read(lambda unit: unit.stock_proof.compare(_TOLD))
    finally:
        database.close()
