"""`consume`: what handles events and timers."""

from __future__ import annotations

from functools import partial

from kit import worker
from kit.db import Database
from kit.settings import load
from services.pipeline import metrics, publish
from services.pipeline.config import Config
from services.pipeline.consumer import subscriptions
from services.pipeline.storage.unit import PipelineUnit


def database(config: Config) -> Database[PipelineUnit]:
    """The service's database, as a worker uses it."""
    return Database(
        config.database_url.get_secret_value(),
        partial(PipelineUnit, publish=publish.to_event),
        committed=metrics.count,
        name="pipeline consume",
    )


def main() -> None:
    """Handle events and run timers until SIGTERM."""
    config = load(Config)
    worker.run(subscriptions, database(config), config)
