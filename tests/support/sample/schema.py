"""The sample's tables: kit's own and the effects that its handlers have."""

from __future__ import annotations

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, text

from kit import schema
from kit.db.engines import sync_url

_TABLES = """
    create table effects (
        id bigint generated always as identity, queue text not null, event_id uuid not null, subject text not null,
        version bigint not null, at timestamptz not null
    );
    create table ticks (
        id bigint generated always as identity, process int not null, began timestamptz, ended timestamptz
    )
"""


def create(url: str) -> None:
    """Bring an empty database to the sample's schema."""
    engine = create_engine(sync_url(url))
    with engine.begin() as connection:
        schema.create(Operations(MigrationContext.configure(connection)))
        connection.execute(text(_TABLES))
    engine.dispose()
