"""A database that syncs to disk, a broker with quorum queues, and orders' events between them: where relay and
consumers are measured beside what the broker alone would allow."""

from __future__ import annotations

import random
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, Popen

import psutil
import psycopg2
from google.protobuf.json_format import MessageToJson
from kehu.orders.v1.events_pb2 import OrderPaid

from bench.handlers import subscriptions
from deploy.local.postgres import Server
from kit import broker
from kit.broker import headers
from kit.outbox import Event
from kit.relay.frames import Outgoing
from kit.relay.publisher import Publisher
from tests.support.rabbitmq import Files, Node, free_ports
from tests.support.sample import schema
from tests.support.sample.harness import Harness
from tests.support.waiting import until

POINTS, NOTHING = "bench.points", "bench.nothing"
"""The queue whose handler makes two statements, and the one whose handler makes none."""

_MEMBERS = 20_000
_BATCH = 500
_TABLES = """
    create table accounts (id text primary key, balance bigint not null default 0);
    create table entries (
        id bigint generated always as identity primary key, member text not null, points bigint not null,
        event_id uuid not null
    );
    insert into accounts (id) select 'members/' || i from generate_series(1, 20000) i
"""


@contextmanager
def prepared() -> Iterator[Harness]:
    """A fresh database and broker with the queues declared, gone at the end of the block."""
    with (
        tempfile.TemporaryDirectory(prefix="kehu-bench-") as name,
        _database(Path(name)) as database,
        node(Path(name)) as url,
    ):
        schema.create(database)
        harness = Harness(database, url, Path(name))
        harness.query(_TABLES)
        broker.declare(url, subscriptions.topology())
        yield harness


def events(kind: str, count: int) -> list[Event]:
    """So many events: `OrderPaid` with one line, or `OrderCancelled` with little in it."""
    return [_event(kind) for _ in range(count)]


def _event(kind: str) -> Event:
    order = f"orders/{uuid.uuid4()}"
    message = OrderPaid(
        order=order, channel="pos", net_total={"currency_code": "CNY", "units": 12, "nanos": 500_000_000}
    )
    message.member = f"members/{random.randrange(_MEMBERS) + 1}"  # noqa: S311 - no secret
    message.pay_time.GetCurrentTime()
    message.lines.add(product="products/1", quantity=2, amount=message.net_total)
    payload = MessageToJson(message, indent=None) if kind == "OrderPaid" else f'{{"order": "{order}"}}'
    return Event(kind, f"kehu.orders.v1.{kind}", order, 1, payload)


def empty(harness: Harness) -> None:
    """Throw away what lies in the queues."""
    with broker.connect(harness.broker_url) as connection:
        for queue in (POINTS, NOTHING):
            connection.channel().queue_purge(queue)


async def publish(url: str, sent: Sequence[Event]) -> float:
    """Publish events past the outbox, each confirmed; how many a second."""
    publisher = await Publisher.connect(url, "orders.events")
    started = time.perf_counter()
    for start in range(0, len(sent), _BATCH):
        batch = sent[start : start + _BATCH]
        encoded = [publisher.encode(_outgoing(event)) for event in batch]
        await publisher.publish([str(event.id) for event in batch], encoded, timeout=60)
    seconds = time.perf_counter() - started
    await publisher.close()
    return len(sent) / seconds


def _outgoing(event: Event) -> Outgoing:
    carried: dict[str, str | int] = {
        headers.CE_ID: str(event.id),
        headers.CE_TYPE: event.schema,
        headers.CE_SOURCE: "kehu/orders",
        headers.CE_SUBJECT: event.subject,
        headers.CE_SUBJECTVERSION: event.version,
        headers.CE_TIME: datetime.now(UTC).isoformat(),
    }
    return Outgoing(str(event.id), event.type, event.payload.encode(), carried)


def rate(pid: int, count: int, done: Callable[[], int]) -> tuple[float, float]:
    """Events per second of a process until `done` says `count`, and the microseconds of CPU that each takes.

    From the first tenth on, so that the start of the process does not count.
    """
    until(lambda: done() >= count / 10, within=120)
    process, first, started = psutil.Process(pid), done(), time.perf_counter()
    cpu = sum(process.cpu_times()[:2])
    until(lambda: done() >= count, within=600, every=0.05)
    seconds, cpu = time.perf_counter() - started, sum(process.cpu_times()[:2]) - cpu
    handled = max(count - first, 1)
    return handled / seconds, cpu / handled * 1e6


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    folder.chmod(0o711)
    server = Server(folder / "postgres", free_ports(1)[0], password="bench")  # noqa: S106 - lives for a minute
    server.initialise()
    process = Popen(server.command(), cwd="/", stdout=DEVNULL, stderr=DEVNULL)  # noqa: S603 - our own command
    try:
        until(lambda: _answers(server.admin_url))
        yield server.admin_url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


@contextmanager
def node(folder: Path) -> Iterator[str]:
    """A broker of its own until the end of the block; the address of a virtual host that nobody has used."""
    running = Node(Files(folder / "rabbitmq", *free_ports(3)))
    try:
        running.start()
        yield running.fresh_url()
    finally:
        running.stop()
