"""The tables that kit keeps in every service's database: outbox, inbox, stored answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData

from kit import idempotency, inbox, outbox


def define(metadata: MetaData) -> None:
    """Add kit's tables to a service's metadata, so that the migration check knows them."""
    for module in (outbox, inbox, idempotency):
        module.define(metadata)


def create(operations: Any) -> None:
    """Create kit's tables; the first migration of each service calls this with alembic's `op`."""
    metadata = MetaData()
    define(metadata)
    metadata.create_all(operations.get_bind())
