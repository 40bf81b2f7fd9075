"""The role `relay` as a process, on a real broker and a real database."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta

import amqp
import pytest
from sqlalchemy import create_engine

from kit import broker, ending
from kit.broker import headers
from kit.db.engines import sync_url
from kit.outbox import Event
from tests.support.postgres import Databases
from tests.support.rabbitmq import take
from tests.support.sample.consumer import ARCHIVE, SETTLEMENT
from tests.support.sample.harness import Harness, ids, order_paid
from tests.support.waiting import until

DRAIN_SECONDS = 25


def test_an_event_is_published_after_its_commit_and_never_without_one(sample: Harness) -> None:
    committed, rolled_back, later = order_paid(), order_paid(), order_paid()
    with sample.relay() as relay:
        relay.wait_for("broker connected")
        engine = create_engine(sync_url(sample.database_url))
        with engine.connect() as connection:
            ending.write(connection, events=[rolled_back], now=datetime.now(UTC))
            sample.commit([committed])
            until(lambda: sample.depth() == 1)
            connection.rollback()
        engine.dispose()
        sample.commit([later])
        until(lambda: sample.depth() == 2)
        assert relay.metric("relay_published_total", event="OrderPaid") == 2
    assert drained(sample, SETTLEMENT) == [str(committed.id), str(later.id)]


def test_an_event_goes_out_with_everything_that_its_consumers_need(sample: Harness) -> None:
    event = order_paid(subject="orders/42", version=70_000)
    with sample.relay():
        sample.commit([event])
        until(lambda: sample.depth() == 1)
    message = take(sample.broker_url, SETTLEMENT)
    assert message is not None
    assert message.body == event.payload.encode()
    assert message.properties["content_type"] == "application/json"
    assert message.properties["delivery_mode"] == 2
    assert message.properties["message_id"] == str(event.id)
    assert message.delivery_info["exchange"] == "orders.events"
    assert message.delivery_info["routing_key"] == "OrderPaid"
    happened = datetime.fromisoformat(message.headers.pop(headers.CE_TIME))
    assert abs(happened - datetime.now(UTC)) < timedelta(minutes=1)
    assert {key: value for key, value in message.headers.items() if not key.startswith("x-")} == {
        headers.CE_ID: str(event.id),
        headers.CE_TYPE: "kehu.orders.v1.OrderPaid",
        headers.CE_SOURCE: "kehu/orders",
        headers.CE_SUBJECT: "orders/42",
        headers.CE_SUBJECTVERSION: 70_000,
    }


def test_what_was_committed_before_a_crash_goes_out_after_it(sample: Harness) -> None:
    events = [order_paid() for _ in range(1_200)]
    sample.commit(events)
    with sample.relay():
        until(lambda: sample.unsent() == 0)
    assert drained(sample, SETTLEMENT) == [str(event.id) for event in events]


def test_kill_9_in_the_middle_of_a_batch_loses_nothing(sample: Harness) -> None:
    events = [order_paid() for _ in range(20_000)]
    sample.commit(events)
    with sample.relay() as relay:
        until(lambda: sample.unsent() < 20_000)
        relay.kill()
    assert sample.unsent() > 0
    with sample.relay():
        until(lambda: sample.unsent() == 0, within=60)
    arrived = Counter(drained(sample, ARCHIVE))
    assert arrived.keys() == ids(events).keys()
    assert sum(arrived.values()) - len(events) <= 1_000, "only the batches under way went out twice"


def test_a_standby_takes_over_when_the_active_relay_is_killed(sample: Harness) -> None:
    with sample.relay() as active:
        active.wait_for("leading")
        with sample.relay() as standby:
            until(lambda: standby.health() == (200, '{"status": "ok"}'))
            sample.commit([order_paid()])
            until(lambda: sample.unsent() == 0)
            assert standby.metric("relay_active") == 0
            active.kill()
            sample.commit([order_paid()])
            until(lambda: sample.depth() == 2)
            assert standby.metric("relay_active") == 1


def test_events_of_one_aggregate_arrive_in_their_order(sample: Harness) -> None:
    subjects = [f"orders/{uuid.uuid4()}" for _ in range(5)]
    events = [order_paid(subject=subject, version=version) for version in range(300) for subject in subjects]
    sample.commit(events)
    with sample.relay():
        until(lambda: sample.unsent() == 0)
    assert drained(sample, SETTLEMENT) == [str(event.id) for event in events]


def test_an_event_that_nobody_listens_to_is_counted_and_done(sample: Harness) -> None:
    unheard = Event("OrderFramed", "kehu.orders.v1.OrderFramed", "orders/1", 1, "{}")
    heard = order_paid()
    with sample.relay() as relay:
        sample.commit([unheard, heard])
        until(lambda: sample.unsent() == 0)
        assert relay.metric("relay_unrouted_total", event="OrderFramed") == 1
        assert relay.metric("relay_unrouted_total", event="OrderPaid") == 0
    assert drained(sample, SETTLEMENT) == [str(heard.id)]


def test_an_event_that_a_full_queue_refuses_waits_and_keeps_its_followers_waiting(sample: Harness) -> None:
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    with broker.connect(sample.broker_url) as connection:
        channel = connection.channel()
        channel.queue_declare("tests.full", durable=True, auto_delete=False, arguments=full)
        channel.queue_bind("tests.full", "orders.events", "OrderFramed")
    events = [Event("OrderFramed", "kehu.orders.v1.OrderFramed", "orders/1", version, "{}") for version in (1, 2, 3)]
    other = order_paid()
    with sample.relay() as relay:
        sample.commit(events[:1])
        until(lambda: sample.unsent() == 0)
        sample.commit([events[1]])
        until(lambda: relay.metric("relay_failed_total", event="OrderFramed") == 1)
        sample.commit([events[2], other])
        until(lambda: sample.depth() == 1, what="other aggregates go on")
        assert sample.query("select id::text, attempts, last_error from outbox where attempts > 0") == [
            (str(events[1].id), 1, "refused")
        ]
        first = take(sample.broker_url, "tests.full")
        second = until(lambda: take(sample.broker_url, "tests.full"))
        third = until(lambda: take(sample.broker_url, "tests.full"))
        until(lambda: sample.unsent() == 0)
    assert [message.properties["message_id"] for message in (first, second, third)] == [str(e.id) for e in events]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (Event("OrderPaid", "kehu.orders.v1.OrderPaid", "orders/1", 1, f'"{"x" * 2**21}"'), "406 PRECONDITION_FAILED"),
        (Event("Order" + "Paid" * 70, "kehu.orders.v1.OrderPaid", "orders/1", 1, "{}"), "can't be encoded"),
    ],
    ids=["too large for the broker", "too long a name for AMQP"],
)
def test_an_event_that_can_never_be_sent_is_parked_and_its_neighbours_go_on(
    sample: Harness, odd: Event, reason: str
) -> None:
    before, after = [order_paid() for _ in range(3)], [order_paid() for _ in range(3)]
    sample.commit([*before, odd, *after])
    with sample.relay() as relay:
        until(lambda: sample.query("select 1 from outbox where parked_at is not null"), within=30)
        until(lambda: sample.unsent() == 0)
        until(lambda: relay.metric("relay_parked") == 1)
    assert set(drained(sample, SETTLEMENT)) == ids([*before, *after]).keys()
    [(parked, attempts, error)] = sample.query(
        "select id::text, attempts, last_error from outbox where parked_at is not null"
    )
    assert (parked, attempts) == (str(odd.id), 2)
    assert error.startswith(reason)


def test_the_relay_outlives_an_outage_of_its_database(sample: Harness, postgres: Databases) -> None:
    event = order_paid()
    with sample.relay() as relay:
        relay.wait_for("leading")
        with postgres.away(sample.database_url):
            relay.wait_for("database lost")
        sample.commit([event])
        until(lambda: sample.depth() == 1)


def test_sent_events_are_removed_after_their_time_and_unsent_ones_never(sample: Harness) -> None:
    kept, old = order_paid(), order_paid()
    sample.commit([kept, old])
    sample.query("update outbox set published_at = now() - interval '8 days' where id = %s", str(old.id))
    with sample.relay():
        until(lambda: sample.query("select id::text from outbox") == [(str(kept.id),)])


def test_the_gauges_tell_how_much_waits_and_for_how_long(sample: Harness) -> None:
    sample.commit([order_paid()])
    sample.query("update outbox set created_at = now() - interval '1 hour'")
    sample.environment["KEHU_BROKER_URL"] = "amqp://guest:guest@127.0.0.1:1/"
    with sample.relay() as relay:
        until(lambda: relay.metric("outbox_unpublished_rows") == 1)
        assert 3_600 <= relay.metric("outbox_oldest_unpublished_seconds") < 3_700
        until(lambda: relay.health()[0] == 503)


def test_sigterm_finishes_the_batch(sample: Harness) -> None:
    sample.commit([order_paid() for _ in range(5_000)])
    with sample.relay() as relay:
        until(lambda: sample.unsent() < 5_000)
        started = time.monotonic()
        assert relay.terminate() == 0
        assert time.monotonic() - started < DRAIN_SECONDS
    sent = 5_000 - sample.unsent()
    assert len(drained(sample, SETTLEMENT)) == sent, "what went out is marked"


def drained(sample: Harness, queue: str) -> list[str]:
    """The ids of all messages in a queue, taken out in their order."""
    found: list[str] = []
    count = sample.depth(queue)
    with closing(broker.connect(sample.broker_url)) as connection:
        channel: amqp.Channel = connection.channel()
        channel.basic_consume(
            queue, no_ack=True, callback=lambda message: found.append(message.properties["message_id"])
        )
        while len(found) < count:
            connection.drain_events(timeout=5)
    return found
