"""What happens once before the services start, each half as soon as what it needs is up.

`python -m deploy.local.prepare databases FOLDER`: roles, databases and the newest schema of every service.
`python -m deploy.local.prepare broker FOLDER`: every exchange and queue, before anything is published to them.
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from pathlib import Path

from deploy.local import databases, passwords
from deploy.local.folder import SERVICES, Folder
from deploy.local.problem import Problem, explained
from deploy.local.state import State

_BEGINNERS_PATIENCE = 60.0
"""Seconds to wait for a server that has just been started here."""
_PATIENCE = 5.0
"""Seconds to wait for one that others run."""


@explained()
def main() -> None:
    """Entry point."""
    part, folder = sys.argv[1], Folder(Path(sys.argv[2]))
    state = State.read(folder.state)
    if part == "databases":
        _databases(state, folder)
    else:
        _broker(state)


def _databases(state: State, folder: Folder) -> None:
    upgrade = import_module("kit.db.migrations").upgrade
    roles = passwords.keep(folder.secrets).roles
    databases.prepare(state.postgres_url, roles, seconds=_patience(state, "postgres"))
    for service in SERVICES:
        upgrade(f"services.{service}", state.databases[service])
    import_module("services.members.commands").seal(state.databases["members"], state.keyring_file)


def _broker(state: State) -> None:
    broker = import_module("kit.broker")
    topologies = [import_module(f"services.{service}.consumer").subscriptions.topology() for service in SERVICES]
    deadline = time.monotonic() + _patience(state, "rabbitmq")
    while True:
        try:
            broker.connect(state.broker_url).close()
            break
        except broker.BROKER_ERRORS as error:
            if time.monotonic() > deadline:
                raise Problem(f"RabbitMQ does not let the suite in: {error}.") from error
            time.sleep(0.1)
    for topology in topologies:
        broker.declare(state.broker_url, topology)


def _patience(state: State, name: str) -> float:
    return _BEGINNERS_PATIENCE if any(process.name == name for process in state.processes) else _PATIENCE


if __name__ == "__main__":
    main()
