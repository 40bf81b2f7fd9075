"""The tables of members, a module per area; the migrations are checked against `metadata`."""

from services.members.storage.tables import (
    core,
    engagement,
    identity,
    mall,
    proof,
    rights_card,
    rules,
    stored_value,
    tiers,
)
from services.members.storage.tables.base import metadata

__all__ = [
    "core",
    "engagement",
    "identity",
    "mall",
    "metadata",
    "proof",
    "rights_card",
    "rules",
    "stored_value",
    "tiers",
]
