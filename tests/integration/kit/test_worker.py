"""The role `consume` as a process, on a real broker and a real database."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from itertools import pairwise
from statistics import median

import pytest

from kit.broker import dead_queue, headers
from kit.outbox import Event
from tests.support.postgres import Databases
from tests.support.programs import Program
from tests.support.rabbitmq import take
from tests.support.sample.consumer import ARCHIVE, ATTEMPTS, SETTLEMENT
from tests.support.sample.harness import Harness, ids, order_paid
from tests.support.waiting import until

DEAD = dead_queue(SETTLEMENT)
DRAIN_SECONDS = 25


def test_an_event_that_is_delivered_twice_has_one_effect(sample: Harness) -> None:
    event, marker = order_paid(), order_paid()
    with sample.consuming() as worker:
        sample.publish(event, event, event)
        until(lambda: sample.effects()[str(event.id)])
        sample.publish(event, marker)
        until(lambda: sample.effects()[str(marker.id)])
        until(lambda: worker.metric("events_handled_total", queue=SETTLEMENT, outcome="duplicate") == 3)
    assert sample.effects() == ids([event, marker])
    assert sample.runs() == ids([event, marker])


def test_an_event_that_always_fails_is_laid_aside_after_its_attempts_while_others_flow(sample: Harness) -> None:
    poison, others = order_paid("raise"), [order_paid() for _ in range(20)]
    with sample.consuming() as worker:
        sample.publish(poison)
        # From its first failure on it is tried alone; before that it might be tried once in a batch, too.
        worker.wait_for("event failed")
        sample.publish(*others)
        until(lambda: sample.effects() == ids(others))
        until(lambda: sample.depth(DEAD) == 1)
        assert worker.metric("events_handled_total", event="OrderPaid", queue=SETTLEMENT, outcome="dead") == 1
        assert worker.metric("events_handled_total", queue=SETTLEMENT, outcome="retry") == ATTEMPTS - 1
        until(lambda: worker.metric("dead_letters", queue=SETTLEMENT) == 1)
        assert worker.metric("dead_letters", queue=ARCHIVE) == 0
    dead = take(sample.broker_url, DEAD)
    assert dead.headers[headers.REASON] == "KeyError"
    assert dead.headers[headers.ATTEMPT] == ATTEMPTS
    assert dead.headers[headers.QUEUE] == SETTLEMENT
    assert dead.headers[headers.CE_ID] == str(poison.id)
    assert dead.body == poison.payload.encode()
    assert sample.runs()[str(poison.id)] == ATTEMPTS


def test_only_the_queue_that_failed_sees_the_event_again(sample: Harness) -> None:
    event = order_paid("fail once")
    with sample.consuming() as worker:
        sample.publish(event)
        until(lambda: sample.effects() == ids([event]))
        assert worker.metric("events_handled_total", queue=ARCHIVE, outcome="duplicate") == 0
    assert sample.effects(ARCHIVE) == ids([event])
    assert sample.runs()[str(event.id)] == 2


def test_a_refusal_that_no_retry_can_mend_is_laid_aside_at_once(sample: Harness) -> None:
    event = order_paid("refuse")
    with sample.consuming():
        sample.publish(event)
        until(lambda: sample.depth(DEAD) == 1)
    assert take(sample.broker_url, DEAD).headers[headers.REASON] == "SAMPLE_REFUSED"
    assert sample.runs()[str(event.id)] == 1


def test_a_failing_neighbour_does_not_keep_the_batch_from_its_effects(sample: Harness) -> None:
    good = [order_paid() for _ in range(30)]
    sample.publish(*good[:15], order_paid("refuse"), *good[15:])
    with sample.consuming():
        until(lambda: sample.depth(DEAD) == 1)
        until(lambda: sample.effects() == ids(good))


def test_events_that_come_one_after_the_other_are_not_taken_one_by_one(sample: Harness) -> None:
    with sample.consuming():
        for event in [order_paid() for _ in range(6)]:
            sample.publish(event)
            until(partial(_took_effect, sample, event))
    times = [row[0] for row in sample.query("select received_at from inbox where consumer = %s order by 1", SETTLEMENT)]
    assert median(later - earlier for earlier, later in pairwise(times)) > timedelta(milliseconds=100)


@pytest.mark.parametrize(
    ("reason", "strange"),
    [
        (
            "BODY_UNREADABLE",
            [({}, {"body": b'{"order": '}), ({}, {"body": b"\xff\xfe"}), ({}, {"body": b'{"order": 7}'})],
        ),
        ("CONTENT_TYPE_WRONG", [({}, {"content_type": "text/plain"}), ({}, {"content_type": ""})]),
        ("EVENT_TYPE_UNKNOWN", [({headers.CE_TYPE: "kehu.orders.v1.OrderPainted"}, {}), ({headers.CE_TYPE: None}, {})]),
        (
            "HEADERS_UNREADABLE",
            [
                ({headers.CE_ID: "seven"}, {}),
                ({headers.CE_TIME: None}, {}),
                ({headers.CE_TIME: "2026-11-21T08:30:00"}, {}),
            ],
        ),
    ],
)
def test_what_is_no_event_is_laid_aside_with_the_reason(
    sample: Harness, reason: str, strange: list[tuple[dict[str, object], dict[str, object]]]
) -> None:
    good = order_paid()
    for changes, properties in strange:
        sample.publish(order_paid(), changes=changes, **properties)
    sample.publish(good)
    with sample.consuming():
        until(lambda: sample.depth(DEAD) == len(strange))
        until(lambda: sample.effects() == ids([good]))
    assert [take(sample.broker_url, DEAD).headers[headers.REASON] for _ in strange] == [reason] * len(strange)


def test_fields_that_this_release_does_not_know_are_passed_over(sample: Harness) -> None:
    event = order_paid()
    with sample.consuming():
        sample.publish(event, body=b'{"order": "orders/1", "addedNextYear": {"a": [1]}}')
        until(lambda: sample.effects() == ids([event]))


def test_sigterm_finishes_and_acknowledges_the_batch_and_gives_the_rest_back(sample: Harness) -> None:
    slow, rest = order_paid("slow:2"), [order_paid() for _ in range(300)]
    with sample.consuming() as worker:
        sample.publish(slow)
        until(lambda: sample.runs()[str(slow.id)])
        sample.publish(*rest)
        started = time.monotonic()
        assert worker.terminate() == 0
        assert time.monotonic() - started < DRAIN_SECONDS
        assert worker.lines("stopped")
    assert sample.effects()[str(slow.id)] == 1
    until(lambda: sample.depth() + len(sample.effects()) == 301, what="the rest is back in the queue")
    with sample.consuming():
        until(lambda: sample.effects() == ids([slow, *rest]))
    assert sample.runs() == ids([slow, *rest])


def test_a_batch_that_does_not_end_is_left_to_the_next_worker(sample: Harness) -> None:
    stuck = order_paid("slow:29")
    with sample.consuming() as worker:
        sample.publish(stuck)
        until(lambda: sample.runs()[str(stuck.id)])
        started = time.monotonic()
        worker.terminate()
        assert time.monotonic() - started < DRAIN_SECONDS
        assert worker.lines("not drained in time")
    until(lambda: sample.depth() == 1)
    assert not sample.effects()


def test_the_worker_tells_how_much_waits_in_its_queue(sample: Harness) -> None:
    beyond_its_reach = 700
    sample.publish(order_paid("slow:3"), *(order_paid() for _ in range(beyond_its_reach)))
    with sample.consuming() as worker:
        until(lambda: 0 < worker.metric("consumer_queue_messages", queue=SETTLEMENT) < beyond_its_reach)
        until(lambda: worker.metric("consumer_queue_messages", queue=SETTLEMENT) == 0)


def test_kill_9_in_a_batch_loses_nothing_and_repeats_no_effect(sample: Harness) -> None:
    events = [order_paid("slow:0.002") for _ in range(200)]
    sample.publish(*events)
    with sample.consuming() as worker:
        until(lambda: len(sample.effects()) > 20)
        worker.kill()
    assert len(sample.effects()) < 200
    with sample.consuming():
        until(lambda: sample.effects() == ids(events))
        until(lambda: sample.depth() == 0)


def test_a_database_that_is_away_costs_no_attempt(sample: Harness, postgres: Databases) -> None:
    before, during = order_paid(), [order_paid() for _ in range(50)]
    with sample.consuming() as worker:
        sample.publish(before)
        until(lambda: sample.effects() == ids([before]))
        worker.wait_for("event")
        with postgres.away(sample.database_url):
            sample.publish(*during)
            until(lambda: worker.metric("consumer_held_total", queue=SETTLEMENT) > 0)
        until(lambda: sample.effects() == ids([before, *during]))
        assert worker.metric("events_handled_total", outcome="retry") == 0
        assert worker.metric("events_handled_total", outcome="dead") == 0
    assert sample.depth(DEAD) == 0


def test_health_tells_whether_broker_and_database_are_there(sample: Harness) -> None:
    with sample.consuming() as worker:
        until(lambda: worker.health() == (200, '{"status": "ok"}'))
        assert worker.metric("consumer_connected", queue=SETTLEMENT) == 1


def has_ticked(worker: Program) -> bool:
    return worker.metric("timer_runs_total", timer="sample.tick", outcome="ok") > 2


def test_a_timer_runs_in_one_replica_at_a_time_and_survives_its_failures(sample: Harness) -> None:
    overlaps = """
        select count(*) from ticks a join ticks b on a.id < b.id and a.process <> b.process
        where (a.began, a.ended) overlaps (b.began, b.ended)
    """
    with sample.worker() as first, sample.worker() as second:
        for replica in (first, second):
            replica.wait_for("timer failed")
            until(partial(has_ticked, replica))
        until(lambda: first.metric("timer_runs_total", timer="sample.tick", outcome="skipped") > 0)
    assert sample.query(overlaps) == [(0,)]
    assert first.lines("timer failed")[0]["reason"] == "RuntimeError"


def _took_effect(sample: Harness, event: Event) -> bool:
    return sample.effects()[str(event.id)] == 1
