"""Commands of orders beside the roles: `python -m services.orders rotate-keys`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kit import vault
from kit.db import Database
from kit.settings import load
from kit.telemetry import configure_logs, log
from services.orders import publish
from services.orders.config import Config
from services.orders.storage import keys
from services.orders.storage.unit import OrdersUnit

_BATCH = 1_000


def rotate_keys() -> None:
    """Wrap every data key under the keyring's primary key. Stopped, it goes on where it was."""
    config = load(Config)
    configure_logs("orders", "rotate-keys", config.log_level)
    done = rotate(config.database_url.get_secret_value(), config.keyring_file)
    log.info("keys rotated", keys=done)


def rotate(url: str, keyring_file: str, *, batch: int = _BATCH) -> int:
    """Wrap the data keys in one database under the keyring's primary key; answers how many were wrapped by others."""
    database = Database(url, partial(OrdersUnit, publish=publish.to_event), name="orders keys")
    safe = vault.load(keyring_file)
    done = 0

    def rewrap(unit: OrdersUnit, table: str) -> int:
        return keys.rewrap(unit.connection, safe, table, limit=batch)

    try:
        for table in keys.SEALED:
            while wrapped := database.write(rewrap, table):
                done += wrapped
    finally:
        database.close()
    return done


COMMANDS: dict[str, Callable[[], None]] = {"rotate-keys": rotate_keys}
"""What can be run beside the roles, by its name."""
