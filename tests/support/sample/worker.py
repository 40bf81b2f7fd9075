"""The sample's role `consume`, as kit.cli and a service's `worker.py` do it."""

from __future__ import annotations

from kit.worker.green import patch

patch()

import sys  # noqa: E402

from google.protobuf.json_format import MessageToJson  # noqa: E402
from google.protobuf.message import Message  # noqa: E402

from kit.db import Database  # noqa: E402
from kit.outbox import Event  # noqa: E402
from kit.settings import Settings, load  # noqa: E402
from kit.unit import Unit  # noqa: E402
from kit.worker import run  # noqa: E402
from tests.support.sample.consumer import subscriptions  # noqa: E402


def to_event(fact: object) -> Event:
    """A fact of the sample is the message itself."""
    assert isinstance(fact, Message)
    name = fact.DESCRIPTOR.full_name
    return Event(fact.DESCRIPTOR.name, name, "members/sample", 1, MessageToJson(fact, indent=None))


def main() -> None:
    """Consume until SIGTERM."""
    config = load(Settings)
    url = config.database_url.get_secret_value()
    run(subscriptions, Database(url, lambda connection, now: Unit(connection, now, to_event)), config)
    # A worker never loads grpc: a call would freeze every greenlet. What was loaded shows only at the end.
    if "grpc" in sys.modules:
        raise SystemExit("grpc was imported")


if __name__ == "__main__":
    main()
