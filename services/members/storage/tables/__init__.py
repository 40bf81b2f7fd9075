"""The tables of members, a module per area; the migrations are checked against `metadata`."""

from services.members.storage.tables import core
from services.members.storage.tables.base import metadata

__all__ = ["core", "metadata"]
