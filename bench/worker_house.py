"""The worker that the case `consumers` measures."""

from __future__ import annotations

from kit.worker.green import patch

patch()

from typing import NoReturn  # noqa: E402

from bench.handlers import subscriptions  # noqa: E402
from kit.db import Database  # noqa: E402
from kit.settings import Settings, load  # noqa: E402
from kit.unit import Unit  # noqa: E402
from kit.worker import run  # noqa: E402


def main() -> None:
    """Consume until SIGTERM."""
    config = load(Settings)
    url = config.database_url.get_secret_value()
    run(subscriptions, Database(url, lambda connection, now: Unit(connection, now, _never)), config)


def _never(fact: object) -> NoReturn:
    raise TypeError(f"{type(fact).__name__} is not published")


if __name__ == "__main__":
    main()
