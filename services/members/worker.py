"""`consume`, `relay` and `migrate`: what runs beside the server."""

from __future__ import annotations

from functools import partial

from kit import broker, worker
from kit.db import Database, migrations
from kit.settings import load
from services.members import publish
from services.members.config import Config
from services.members.consumer import subscriptions
from services.members.storage.unit import MembersUnit


def database(config: Config) -> Database[MembersUnit]:
    """The service's database, as a worker uses it."""
    return Database(
        config.database_url.get_secret_value(),
        partial(MembersUnit, publish=publish.to_event),
        name="members consume",
    )


def consume() -> None:
    """Handle events and run timers until SIGTERM."""
    config = load(Config)
    worker.run(subscriptions, database(config), config)


def relay() -> None:
    """Send what the outbox holds until SIGTERM."""
    from kit.relay import run  # noqa: PLC0415 - only this role has an asyncio loop

    run("members", load(Config))


def migrate() -> None:
    """Bring the database to the newest schema, and the exchanges and queues into being."""
    config = load(Config)
    migrations.upgrade("services.members", config.database_url.get_secret_value())
    broker.declare(config.broker_url.get_secret_value(), subscriptions.topology())
