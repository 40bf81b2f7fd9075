"""What arrives is wrong, comes twice, comes in another order, or comes faster than it can be handled."""

from __future__ import annotations

import json
import random
import time
import uuid
from contextlib import closing
from urllib.parse import urlsplit

import amqp
import psycopg2

from faults.arena import PATIENCE, Arena
from faults.fault import Fault, Finding, found
from faults.proxy import proxy
from faults.standin import standing_in
from faults.waiting import until
from kit import broker
from kit.broker import headers

_QUEUES = ("members.settlement", "campaigns.orders")
_POISONED = 20
_SHARE_DOUBLED = 0.1
_DEAD_LETTERS = "operations.md#dead-letters-wait"
_PENDING = """
    select id::text, type, aggregateid, subject_version, payload, headers, created_at from outbox
    where published_at is null and parked_at is null order by sequence limit 500 for update
"""
_SENT = "update outbox set published_at = now() where id = any(%s::uuid[])"


def _message(body: str, event: str, **more: object) -> amqp.Message:
    told: dict[str, object] = {
        headers.CE_ID: event,
        headers.CE_TYPE: "kehu.orders.v1.OrderPaid",
        headers.CE_SOURCE: "kehu/orders",
    }
    told |= {headers.CE_SUBJECT: "orders/x", headers.CE_SUBJECTVERSION: 1, headers.CE_TIME: "2026-01-01T00:00:00Z"}
    return amqp.Message(
        body,
        content_type=str(more.pop("content_type", headers.CONTENT_TYPE)),
        delivery_mode=2,
        message_id=event,
        application_headers={**told, **more},
    )


def _poison() -> list[amqp.Message]:
    """Events that no handler can use, and bytes that are no event at all."""
    paid = {"payTime": "2026-01-01T00:00:00Z", "netTotal": {"currencyCode": "USD", "units": "1"}, "channel": "poison"}
    made = []
    for _ in range(_POISONED):
        unknown = {**paid, "order": f"orders/{uuid.uuid4()}", "member": "members/nobody"}
        made.append(_message(json.dumps(unknown), str(uuid.uuid4())))
        made.append(_message("{", str(uuid.uuid4())))
        made.append(_message("\x00\x01", str(uuid.uuid4()), content_type="application/octet-stream"))
        made.append(_message("{}", str(uuid.uuid4()), **{headers.CE_TYPE: "kehu.orders.v1.NoSuchThing"}))
        made.append(_message("{}", "no uuid"))
    return made


def _poisoned(arena: Arena, seconds: float) -> list[Finding]:
    url, exchange = arena.suite.broker_url, broker.events_exchange("orders")
    messages = _poison()
    with broker.connect(url, confirms=True) as connection:
        channel = connection.channel()
        before = {queue: _depth(channel, broker.dead_queue(queue)) for queue in _QUEUES}
        for message in messages:
            channel.basic_publish(message, exchange, routing_key="OrderPaid")
            time.sleep(seconds / len(messages))

        def dead(queue: str) -> int:
            return _depth(channel, broker.dead_queue(queue)) - before[queue]

        for queue in _QUEUES:
            until(lambda q=queue: dead(q) >= len(messages), within=PATIENCE, what=f"dead letters of {queue}")  # type: ignore[misc]
        findings = [
            found(f"{len(messages)} bad events are dead letters of {queue}", dead(queue) == len(messages), dead(queue))
            for queue in _QUEUES
        ]
        for queue in _QUEUES:
            channel.queue_purge(broker.dead_queue(queue))
    return findings


def _depth(channel: amqp.Channel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).message_count)


def _shuffled(arena: Arena, seconds: float) -> list[Finding]:
    """Stand in for the relay of orders: send what waits in any order, a tenth of it twice."""
    sent = doubled = 0
    arena.suite.stop("orders-relay")
    try:
        with (
            closing(psycopg2.connect(arena.suite.state.databases["orders"])) as database,
            broker.connect(arena.suite.broker_url, confirms=True) as connection,
        ):
            channel, end = connection.channel(), time.monotonic() + seconds
            while time.monotonic() < end:
                one, two = _send_shuffled(database, channel)
                sent, doubled = sent + one, doubled + two
                time.sleep(1)
    finally:
        arena.suite.start("orders-relay")
        arena.suite.wait_ready("orders-relay", seconds=PATIENCE)
    return [found("events came in any order, some of them twice", doubled > 0, f"{sent} events, {doubled} twice")]


def _send_shuffled(database: psycopg2.extensions.connection, channel: amqp.Channel) -> tuple[int, int]:
    with database, database.cursor() as cursor:
        cursor.execute(_PENDING)
        rows = cursor.fetchall()
        twice = [row for row in rows if random.random() < _SHARE_DOUBLED]  # noqa: S311 - not a secret
        for event, kind, subject, version, payload, kept, created in random.sample(rows + twice, len(rows + twice)):
            about = {headers.CE_SUBJECT: subject, headers.CE_SUBJECTVERSION: version}
            message = _message(payload, event, **{**about, headers.CE_TIME: created.isoformat(), **kept})
            channel.basic_publish(message, broker.events_exchange("orders"), routing_key=kind)
        cursor.execute(_SENT, ([row[0] for row in rows],))
    return len(rows), len(twice)


def _slow(arena: Arena, seconds: float) -> list[Finding]:
    """A consumer whose every statement takes a hundred times as long as usual."""
    state = arena.suite.state
    parts = urlsplit(state.databases["members"])
    with proxy(parts.port or 5432) as between:
        far = parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{between.port}").geturl()
        log = arena.log("members-consume-slow")
        with standing_in(arena.suite, "members-consume", log, {"KEHU_DATABASE_URL": far}) as consumer:
            before = consumer.memory
            between.delay(0.1)
            time.sleep(seconds)
            grown = (consumer.memory - before) / 2**20
            between.heal()
    return [found("its memory is bounded", grown < 64, f"{grown:.0f} MiB more")]


FAULTS = (
    Fault(
        "poison",
        "events about nobody, broken JSON, other content types, unknown kinds, ids that are none",
        "all of them in the dead queue with their reason; their neighbours are handled",
        _poisoned,
        runbook=_DEAD_LETTERS,
        quick=True,
        chaos=True,
    ),
    Fault(
        "shuffled",
        "events in any order, a tenth of them twice, in place of the relay",
        "the newest version wins, nothing counts twice",
        _shuffled,
        quick=True,
        chaos=True,
    ),
    Fault(
        "slow-consumer",
        "every statement of members' `consume` takes a hundred times as long",
        "its queue grows at the broker, its memory doesn't; it catches up",
        _slow,
        chaos=True,
    ),
)
