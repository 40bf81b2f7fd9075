"""Migrations of one service: alembic underneath, expand-only, under a lock, with short lock waits.

A service's `migrations/env.py` is two lines that call `run`. `upgrade` is what the role `migrate` does.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import MetaData, create_engine, pool, text

from kit.db.engines import sync_url

# A migration runs beside the old pods: it gives way after 5 s instead of making their statements queue behind it.
_LOCK_TIMEOUT = "5s"
_ADVISORY_LOCK = 0x6B656875  # "kehu": two deployments at once take turns


def config(package: str, url: str) -> Config:
    """Alembic's configuration for the migrations in `<package>.migrations`."""
    result = Config()
    result.set_main_option("script_location", str(Path(str(files(package))) / "migrations"))
    result.attributes["url"] = url
    return result


def upgrade(package: str, url: str) -> None:
    """Bring the database to the newest schema; nothing happens when it is there already."""
    command.upgrade(config(package, url), "head")


def run(metadata: MetaData) -> None:
    """The body of every `migrations/env.py`."""
    engine = create_engine(sync_url(context.config.attributes["url"]), poolclass=pool.NullPool)
    with engine.begin() as connection:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        connection.execute(text(f"set local lock_timeout = '{_LOCK_TIMEOUT}'"))
        context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
        context.run_migrations()
    engine.dispose()
