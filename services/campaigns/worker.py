"""The role `consume`: what handles events and runs timers."""

from __future__ import annotations

from functools import partial

from kit import worker
from kit.db import Database
from kit.settings import load
from services.campaigns import metrics, publish
from services.campaigns.config import Config
from services.campaigns.consumer import subscriptions
from services.campaigns.storage.unit import CampaignsUnit


def main() -> None:
    """Run until SIGTERM."""
    config = load(Config)
    database = Database(
        config.database_url.get_secret_value(),
        partial(CampaignsUnit, publish=publish.to_event),
        committed=metrics.count,
        name="campaigns consume",
    )
    worker.run(subscriptions, database, config)
