"""Migrations of one service: alembic underneath, expand-only, under a lock, with short lock waits.

A service's `migrations/env.py` is two lines that call `run`. `upgrade` is what the role `migrate` does. All that is to
be done is one transaction. A version may have `before(connection)` beside `upgrade()`: what can't be in a transaction,
such as an index that is built while the table is in use. It may be called again, and must need nothing of others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, create_engine, pool, text

from kit.db.engines import sync_url

# A migration runs beside the old pods: it gives way after 5 s instead of making their statements queue behind it.
_LOCK_TIMEOUT = "5s"
_ADVISORY_LOCK = 0x6B656875  # "kehu": two deployments at once take turns
_TURN_S = 0.2


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
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as early:
        _wait_for_turn(early)
        for before in _pending(early):
            before(early)
        with engine.begin() as connection:
            connection.execute(text(f"set local lock_timeout = '{_LOCK_TIMEOUT}'"))
            context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=False)
            context.run_migrations()
    engine.dispose()


def _wait_for_turn(connection: Connection) -> None:
    """Wait for another deployment that migrates, without a transaction: it waits for transactions, to build indexes."""
    while not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}):
        time.sleep(_TURN_S)


def _pending(connection: Connection) -> Iterator[Callable[[Connection], None]]:
    """What the versions that are to be applied have to do before, the oldest first."""
    done = MigrationContext.configure(connection).get_current_revision() or "base"
    versions = [*context.script.iterate_revisions(context.get_revision_argument(), done)]
    for version in reversed(versions):
        if hasattr(version.module, "before"):
            yield version.module.before
