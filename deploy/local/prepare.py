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

_PATIENCE = 60.0


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
    databases.prepare(state.postgres_url, passwords.keep(folder.secrets).roles, seconds=_PATIENCE)
    for service in SERVICES:
        upgrade(f"services.{service}", state.databases[service])


def _broker(state: State) -> None:
    broker = import_module("kit.broker")
    topologies = [import_module(f"services.{service}.consumer").subscriptions.topology() for service in SERVICES]
    deadline = time.monotonic() + _PATIENCE
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


if __name__ == "__main__":
    main()
