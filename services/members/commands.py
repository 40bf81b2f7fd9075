"""Commands of members beside the roles: `python -m services.members rotate-keys`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from kit import vault
from kit.db import Database
from kit.settings import load
from kit.telemetry import configure_logs, log
from services.members import publish
from services.members.config import Config
from services.members.storage import keys
from services.members.storage.unit import MembersUnit

_BATCH = 1_000
"""Members in one transaction: some 50 ms of work."""


def rotate_keys() -> None:
    """Wrap every data key under the keyring's primary key, and let members be found by its look-up keys. Stopped, it
    goes on where it was."""
    config = load(Config)
    configure_logs("members", "rotate-keys", config.log_level)
    seal(config.database_url.get_secret_value(), config.keyring_file)
    done = rotate(config.database_url.get_secret_value(), config.keyring_file)
    found = rehash(config.database_url.get_secret_value(), config.keyring_file)
    log.info("keys rotated", members=done, hashed=found)


def after_migration() -> None:
    """What the role `migrate` does with the rows that are there."""
    config = load(Config)
    seal(config.database_url.get_secret_value(), config.keyring_file)


def rotate(url: str, keyring_file: str, *, batch: int = _BATCH) -> int:
    """Wrap the data keys in one database under the keyring's primary key; answers how many were wrapped by others."""
    return _all(url, keyring_file, _rewrap, batch)


def rehash(url: str, keyring_file: str, *, batch: int = _BATCH) -> int:
    """Let the members in one database be found by the keyring's look-up keys, and by no others; answers how many were
    not."""
    return _all(url, keyring_file, _rehash, batch)


def seal(url: str, keyring_file: str, *, batch: int = _BATCH) -> int:
    """Seal the members in one database that were enrolled before there were keys; answers how many."""
    database = _database(url, keyring_file)
    safe = vault.load(keyring_file)
    done = 0
    try:
        while sealed := database.write(_seal, safe, batch):
            done += sealed
    finally:
        database.close()
    return done


def _all(url: str, keyring_file: str, change: Callable[..., list[UUID]], batch: int) -> int:
    """Change members in batches, from the first to the last; answers how many."""
    database = _database(url, keyring_file)
    safe = vault.load(keyring_file)
    done, last = 0, None
    try:
        while changed := database.write(change, safe, last, batch):
            done, last = done + len(changed), changed[-1]
    finally:
        database.close()
    return done


def _rehash(unit: MembersUnit, safe: vault.Vault, after: UUID | None, limit: int) -> list[UUID]:
    return keys.rehash(unit.connection, safe, after=after, limit=limit)


def _rewrap(unit: MembersUnit, safe: vault.Vault, after: UUID | None, limit: int) -> list[UUID]:
    return keys.rewrap(unit.connection, safe, after=after, limit=limit)


def _seal(unit: MembersUnit, safe: vault.Vault, limit: int) -> int:
    return keys.seal_plain(unit.connection, safe, limit=limit)


def _database(url: str, keyring_file: str) -> Database[MembersUnit]:
    unit = partial(MembersUnit, publish=publish.to_event, vault=vault.load(keyring_file))
    return Database(url, unit, name="members keys")


COMMANDS: dict[str, Callable[[], None]] = {"rotate-keys": rotate_keys}
"""What can be run beside the roles, by its name."""
