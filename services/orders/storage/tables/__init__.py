"""The tables of orders, a module per area; the migrations are checked against `metadata`."""

from services.orders.storage.tables import core
from services.orders.storage.tables.base import metadata

__all__ = ["core", "metadata"]
