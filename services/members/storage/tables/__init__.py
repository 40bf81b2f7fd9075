"""The tables of members, a module per area; the migrations are checked against `metadata`."""

from services.members.storage.tables import core, engagement, proof, tiers
from services.members.storage.tables.base import metadata

__all__ = ["core", "engagement", "metadata", "proof", "tiers"]
