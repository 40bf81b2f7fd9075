"""The tables that kit keeps in every service's database: outbox, inbox, stored answers."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import MetaData

from kit import idempotency, inbox, outbox


def define(metadata: MetaData) -> None:
    """Add kit's tables to a service's metadata, so that the migration check knows them."""
    for module in (outbox, inbox, idempotency):
        module.define(metadata)


def create(operations: Operations) -> None:
    """Create kit's tables; called by the first migration of each service."""
    metadata = MetaData()
    define(metadata)
    metadata.create_all(operations.get_bind())
    operations.execute(outbox.WAKE)
