"""Each service's migrations: one head, and the schema they make is the one that the code believes in."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from kit.db import migrations, partitions
from kit.db.engines import sync_url

SERVICES = ("members", "orders", "pipeline", "campaigns")


@pytest.mark.parametrize("service", SERVICES)
def test_there_is_one_head(service: str) -> None:
    scripts = ScriptDirectory.from_config(migrations.config(f"services.{service}", "postgresql://nowhere"))
    assert len(scripts.get_heads()) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_the_models_equal_the_migrated_schema(service: str, migrated: Callable[[str], str]) -> None:
    metadata = import_module(f"services.{service}.storage.tables").metadata
    engine = create_engine(sync_url(migrated(service)))
    with engine.connect() as connection:
        # The models know the divided tables; their partitions come and go with the ids.
        parts = {*partitions.partitions(connection)}
        options = {
            "compare_type": True,
            "compare_server_default": False,
            "include_name": lambda name, kind, _: not (kind == "table" and name in parts),
        }
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        divided = partitions.divided(connection)
    engine.dispose()
    assert differences == []
    assert divided == sorted(
        table.name for table in metadata.tables.values() if table.dialect_options["postgresql"]["partition_by"]
    )


@pytest.mark.parametrize("service", SERVICES)
def test_migrating_twice_changes_nothing(service: str, migrated: Callable[[str], str]) -> None:
    url = migrated(service)
    migrations.upgrade(f"services.{service}", url)
    engine = create_engine(sync_url(url))
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from alembic_version")).scalar_one() == 1
    engine.dispose()
