"""The role `consume`: what handles events and runs timers."""

from __future__ import annotations

from functools import partial

from kit import vault, worker
from kit.db import Database
from kit.settings import load
from services.members import metrics, publish
from services.members.config import Config
from services.members.consumer import subscriptions
from services.members.storage.unit import MembersUnit


def main() -> None:
    """Run until SIGTERM."""
    config = load(Config)
    database = Database(
        config.database_url.get_secret_value(),
        partial(MembersUnit, publish=publish.to_event, vault=vault.load(config.keyring_file)),
        committed=metrics.count,
        name="members consume",
    )
    worker.run(subscriptions, database, config)
