"""`consume`: what handles events and runs timers."""

from __future__ import annotations

from functools import partial

from kit import worker
from kit.db import Database
from kit.settings import load
from services.orders import metrics, publish
from services.orders.config import Config
from services.orders.consumer import subscriptions
from services.orders.storage.unit import CONSTRAINTS, OrdersUnit


def main() -> None:
    """Run until SIGTERM."""
    config = load(Config)
    database = Database(
        config.database_url.get_secret_value(),
        partial(OrdersUnit, publish=publish.to_event),
        committed=metrics.count,
        constraints=CONSTRAINTS,
        name="orders consume",
    )
    worker.run(subscriptions, database, config)
