"""The tables of orders, a module per area; the migrations are checked against `metadata`."""

from services.orders.storage.tables import catalogue, checkouts, core, payments
from services.orders.storage.tables.base import metadata

__all__ = ["catalogue", "checkouts", "core", "metadata", "payments"]
