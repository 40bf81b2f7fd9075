"""`python -m services.<name> serve|consume|relay|migrate`: one image, the role is an argument.

A role's modules are imported only when it runs, so that a worker never loads grpc and a server never eventlet.
A service may have commands of its own beside the roles: `COMMANDS` in its module `commands`, whose `after_migration`
the role `migrate` runs when the schema is there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def main(package: str) -> None:
    """Run one role of the service in `package`, for example `services.orders`."""
    role = sys.argv[1] if len(sys.argv) > 1 else ""
    if role in ROLES:
        ROLES[role](package)
        return
    own = _commands(package)
    commands = own.COMMANDS if own else {}
    if role not in commands:
        raise SystemExit(f"usage: python -m {package} {'|'.join((*ROLES, *commands))}")
    commands[role]()


def _serve(package: str) -> None:
    import_module(f"{package}.server").main()


def _consume(package: str) -> None:
    import_module("kit.worker.green").patch()  # before anything else is imported
    import_module(f"{package}.worker").main()


def _relay(package: str) -> None:
    import_module("kit.relay").main(_name(package))


def _migrate(package: str) -> None:
    """The database's schema, then the broker's: queues exist before anything is published to them."""
    settings = import_module("kit.settings").load(import_module("kit.settings").Settings)
    import_module("kit.db.migrations").upgrade(package, settings.database_url.get_secret_value())
    after = getattr(_commands(package), "after_migration", None)
    if after is not None:
        after()
    subscriptions = import_module(f"{package}.consumer").subscriptions
    import_module("kit.broker").declare(settings.broker_url.get_secret_value(), subscriptions.topology())


def _commands(package: str) -> Any:
    """The service's module of commands, or None if it has none."""
    return import_module(f"{package}.commands") if find_spec(f"{package}.commands") else None


def _name(package: str) -> str:
    return package.rpartition(".")[2]


ROLES: dict[str, Callable[[str], None]] = {"serve": _serve, "consume": _consume, "relay": _relay, "migrate": _migrate}
