"""A database, a virtual host, and the sample's processes between them."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import amqp
import psycopg2
from sqlalchemy import create_engine

from kit import broker, ending
from kit.broker import headers
from kit.db.engines import sync_url
from kit.outbox import Event
from tests.support.programs import Program, running
from tests.support.rabbitmq import depth
from tests.support.sample.consumer import SETTLEMENT, subscriptions

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
ORDER_PAID, ORDER_CANCELLED = "kehu.orders.v1.OrderPaid", "kehu.orders.v1.OrderCancelled"


def order_paid(channel: str = "pos", *, subject: str = "", version: int = 1) -> Event:
    """An event of orders; `channel` tells the sample's handler what to do."""
    payload = f'{{"order": "orders/1", "channel": "{channel}"}}'
    return Event("OrderPaid", ORDER_PAID, subject or f"orders/{uuid.uuid4()}", version, payload)


@dataclass
class Harness:
    """What a test needs around the sample."""

    database_url: str
    broker_url: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        broker.declare(self.broker_url, subscriptions.topology())
        self.environment = {
            "KEHU_DATABASE_URL": self.database_url,
            "KEHU_BROKER_URL": self.broker_url,
            "SAMPLE_RUNS": str(self.folder / "runs"),
            **self.environment,
        }

    def worker(self) -> AbstractContextManager[Program]:
        """The sample's consumer."""
        return self._running("tests.support.sample.worker")

    def relay(self, service: str = "orders") -> AbstractContextManager[Program]:
        """The relay of a service, which in these tests shares the sample's database."""
        return self._running("tests.support.sample.relay", service)

    @contextmanager
    def consuming(self) -> Iterator[Program]:
        """The consumer, once it receives."""
        with self.worker() as worker:
            worker.wait_for("consuming")
            yield worker

    def commit(self, events: Sequence[Event]) -> None:
        """Events in the outbox."""
        engine = create_engine(sync_url(self.database_url))
        with engine.begin() as connection:
            ending.write(connection, events=events, now=datetime.now(UTC))
        engine.dispose()

    def publish(self, *events: Event, changes: Mapping[str, Any] | None = None, **properties: Any) -> None:
        """Events at the broker, past the outbox. `changes` replaces headers, None takes one away."""
        with broker.connect(self.broker_url, confirms=True) as connection:
            channel = connection.channel()
            for event in events:
                carried = {**_headers(event), **(changes or {})}
                message = amqp.Message(
                    properties.get("body", event.payload.encode()),
                    content_type=properties.get("content_type", "application/json"),
                    delivery_mode=2,
                    message_id=str(event.id),
                    application_headers={key: value for key, value in carried.items() if value is not None},
                )
                channel.basic_publish(message, "orders.events", routing_key=event.type, timeout=10)

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the database."""
        with closing(psycopg2.connect(self.database_url)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def effects(self, queue: str = SETTLEMENT) -> Counter[str]:
        """How often each event took effect."""
        return Counter(str(row[0]) for row in self.query("select event_id from effects where queue = %s", queue))

    def runs(self) -> Counter[str]:
        """How often the handler ran for each event, whatever came of it."""
        path = self.folder / "runs"
        return Counter(path.read_text().split()) if path.exists() else Counter()

    def unsent(self) -> int:
        """How many rows wait in the outbox."""
        statement = "select count(*) from outbox where published_at is null and parked_at is null"
        return int(self.query(statement)[0][0])

    def depth(self, queue: str = SETTLEMENT) -> int:
        """How many messages lie ready in a queue."""
        return depth(self.broker_url, queue)

    def _running(self, module: str, *arguments: str) -> AbstractContextManager[Program]:
        log = self.folder / f"{module.rpartition('.')[2]}-{next(self._numbers)}.log"
        return running(module, *arguments, log=log, environment=self.environment)


def ids(events: Sequence[Event]) -> Counter[str]:
    """Each of the events once: what `effects` is to be."""
    return Counter(str(event.id) for event in events)


def _headers(event: Event) -> dict[str, Any]:
    return {
        headers.CE_ID: str(event.id),
        headers.CE_TYPE: event.schema,
        headers.CE_SOURCE: "kehu/orders",
        headers.CE_SUBJECT: event.subject,
        headers.CE_SUBJECTVERSION: event.version,
        headers.CE_TIME: NOW.isoformat(),
    }
