"""`python -m bench.events [count]`: how many events per second a relay sends and a worker handles, and what each costs.

The database syncs to disk, the queues are quorum queues, the event is an OrderPaid with one line.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, Popen

import psutil
import psycopg2
from google.protobuf.json_format import MessageToJson
from kehu.orders.v1.events_pb2 import OrderPaid

from bench.worker import subscriptions
from deploy.local.postgres import Server
from kit import broker
from kit.broker import headers
from kit.outbox import Event
from kit.relay.frames import Outgoing
from kit.relay.publisher import Publisher
from tests.support.programs import running
from tests.support.rabbitmq import Files, Node, free_ports
from tests.support.sample import schema
from tests.support.sample.harness import Harness
from tests.support.waiting import until

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


def main(count: int) -> None:
    """Measure each part once and print a line for it."""
    with tempfile.TemporaryDirectory() as name, _database(Path(name)) as database_url, _broker(Path(name)) as url:
        schema.create(database_url)
        harness = Harness(database_url, url, Path(name))
        harness.query(_TABLES)
        broker.declare(url, subscriptions.topology())
        for kind, queue in (("OrderCancelled", "bench.nothing"), ("OrderPaid", "bench.points")):
            events = [_event(kind) for _ in range(count)]
            rate = asyncio.run(_publish(url, [_event(kind) for _ in range(count)]))
            print(f"bare publisher with confirms, {kind}: {rate:,.0f}/s")
            harness.commit(events)
            with harness.relay() as relay:
                _measure(f"relay, {kind}", relay.process.pid, count, lambda: count - harness.unsent())
            with running("bench.worker", log=Path(name) / queue, environment=harness.environment) as worker:
                _measure(f"worker, {queue}", worker.process.pid, 2 * count, partial(_taken, harness, queue))


def _taken(harness: Harness, queue: str) -> int:
    return int(harness.query("select count(*) from inbox where consumer = %s", queue)[0][0])


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


async def _publish(url: str, events: Sequence[Event]) -> float:
    publisher = await Publisher.connect(url, "orders.events")
    started = time.perf_counter()
    for start in range(0, len(events), _BATCH):
        batch = events[start : start + _BATCH]
        encoded = [publisher.encode(_outgoing(event)) for event in batch]
        await publisher.publish([str(event.id) for event in batch], encoded, timeout=60)
    seconds = time.perf_counter() - started
    await publisher.close()
    return len(events) / seconds


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


def _measure(what: str, pid: int, count: int, done: Callable[[], int]) -> None:
    """From the first tenth to the end, so that the start of the process does not count."""
    until(lambda: done() >= count / 10, within=120)
    process, first, started = psutil.Process(pid), done(), time.perf_counter()
    cpu = sum(process.cpu_times()[:2])
    until(lambda: done() >= count, within=600, every=0.1)
    seconds, cpu = time.perf_counter() - started, sum(process.cpu_times()[:2]) - cpu
    handled, memory = count - first, process.memory_info().rss / 2**20
    print(f"{what}: {handled / seconds:,.0f}/s, {cpu / handled * 1e6:.0f} µs of CPU each, {memory:.0f} MiB")


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
def _broker(folder: Path) -> Iterator[str]:
    node = Node(Files(folder / "rabbitmq", *free_ports(3)))
    try:
        node.start()
        yield node.fresh_url()
    finally:
        node.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30_000)
