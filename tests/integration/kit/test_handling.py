"""How a batch is handled, in this process: real transactions, deliveries made by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from kehu.orders.v1.events_pb2 import OrderPaid
from sqlalchemy import text

from kit.broker import Retries, headers
from kit.db import Database
from kit.errors import Fault, Kind, unavailable
from kit.unit import Unit
from kit.worker import chores, pruning
from kit.worker.events import Delivery, Received
from kit.worker.handling import Handling, Interrupted
from kit.worker.subscriptions import Subscription
from tests.support.postgres import Databases
from tests.support.sample import schema

NOW = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Recorder:
    """A handler that remembers its calls and writes each event down; `fail` says what it is to raise."""

    def __init__(self) -> None:
        self.calls: list[list[UUID]] = []
        self.failing: dict[UUID, Exception] = {}

    def __call__(self, unit: Unit, events: Sequence[Received]) -> None:
        self.calls.append([event.id for event in events])
        for event in events:
            unit.connection.execute(
                text("insert into effects (queue, event_id, subject, version, at) values ('q', :id, '', 1, :now)"),
                {"id": event.id, "now": unit.now},
            )
        for event in events:
            if event.id in self.failing:
                raise self.failing[event.id]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def database(database_url: str) -> Iterator[Database[Unit]]:
    schema.create(database_url)
    database = Database(database_url, lambda connection, now: Unit(connection, now, lambda fact: fact))  # type: ignore[arg-type, return-value]
    yield database
    database.close()


@pytest.fixture
def handling(database: Database[Unit], recorder: Recorder) -> Handling:
    subscription = Subscription("sample.q", "orders", {"kehu.orders.v1.OrderPaid": OrderPaid}, recorder, 256)
    return Handling(subscription, database, Retries(), pause=lambda look: None)


def delivery(event_id: UUID | None = None, /, **changes: Any) -> Delivery:
    found = {
        headers.CE_ID: str(event_id or uuid4()),
        headers.CE_TYPE: "kehu.orders.v1.OrderPaid",
        headers.CE_SUBJECT: "orders/1",
        headers.CE_SUBJECTVERSION: 1,
        headers.CE_TIME: NOW.isoformat(),
        **changes,
    }
    return Delivery(1, b"{}", "application/json", found)


def effects(database: Database[Unit]) -> list[UUID]:
    return database.read(
        lambda unit: [
            UUID(str(row[0])) for row in unit.connection.execute(text("select event_id from effects order by id"))
        ]
    )


def test_a_batch_is_one_call_and_one_transaction(
    handling: Handling, recorder: Recorder, database: Database[Unit]
) -> None:
    deliveries = [delivery() for _ in range(50)]
    assert handling.handle(deliveries) == []
    assert recorder.calls == [[UUID(each.id) for each in deliveries]]
    assert effects(database) == recorder.calls[0]


def test_the_same_event_twice_in_a_batch_counts_once(handling: Handling, recorder: Recorder) -> None:
    twice = uuid4()
    handling.handle([delivery(twice), delivery(), delivery(twice)])
    assert len(recorder.calls[0]) == 2


def test_a_batch_of_known_events_calls_nobody(handling: Handling, recorder: Recorder) -> None:
    deliveries = [delivery(), delivery()]
    handling.handle(deliveries)
    handling.handle(deliveries)
    assert len(recorder.calls) == 1


def test_if_one_event_fails_the_others_take_effect_and_it_leaves_nothing(
    handling: Handling, recorder: Recorder, database: Database[Unit]
) -> None:
    bad, good = delivery(), [delivery() for _ in range(5)]
    recorder.failing[UUID(bad.id)] = KeyError("x")
    [failure] = handling.handle([*good[:2], bad, *good[2:]])
    assert (failure.delivery, failure.outcome, failure.attempts) == (bad, "retry", 1)
    assert sorted(effects(database)) == sorted(UUID(each.id) for each in good)


def test_an_event_that_failed_before_does_not_take_its_neighbours_down_again(
    handling: Handling, recorder: Recorder
) -> None:
    again, good = delivery(kehu_attempt=1), [delivery(), delivery()]
    recorder.failing[UUID(again.id)] = KeyError("x")
    [failure] = handling.handle([good[0], again, good[1]])
    assert failure.attempts == 2
    assert recorder.calls == [[UUID(each.id) for each in good], [UUID(again.id)]]


def test_the_last_attempt_and_a_final_refusal_end_in_the_dead_queue(handling: Handling, recorder: Recorder) -> None:
    last, refused = delivery(kehu_attempt=Retries().attempts - 1), delivery()
    recorder.failing[UUID(last.id)] = KeyError("x")
    recorder.failing[UUID(refused.id)] = Fault(Kind.NOT_FOUND, "ORDER_UNKNOWN", "there is no such order")
    assert {failure.reason: failure.delay for failure in handling.handle([last, refused])} == {
        "KeyError": None,
        "ORDER_UNKNOWN": None,
    }


def test_events_of_recorded_traces_are_handled_alone_in_the_same_transaction(
    handling: Handling, recorder: Recorder, database: Database[Unit]
) -> None:
    plain = [delivery(), delivery(), delivery()]
    traced = [delivery(traceparent=SAMPLED), delivery(traceparent=SAMPLED)]
    handling.handle([plain[0], traced[0], plain[1], traced[1], plain[2]])
    assert [len(call) for call in recorder.calls] == [3, 1, 1]
    instants = database.read(lambda unit: unit.connection.scalar(text("select count(distinct at) from effects")))
    assert instants == 1


def test_a_batch_waits_for_the_database_and_then_takes_effect_once(
    handling: Handling, recorder: Recorder, database: Database[Unit], database_url: str, postgres: Databases
) -> None:
    looks: list[int] = []
    with postgres.away(database_url) as outage:
        handling.pause = lambda look: looks.append(look) or (outage.end() if look == 3 else None)  # type: ignore[func-returns-value]
        assert handling.handle([delivery(), delivery()]) == []
    assert looks == [1, 2, 3]
    assert len(effects(database)) == 2


def test_a_stop_interrupts_the_waiting(handling: Handling, database_url: str, postgres: Databases) -> None:
    def stop(look: int) -> None:
        raise Interrupted

    handling.pause = stop
    with postgres.away(database_url), pytest.raises(Interrupted):
        handling.handle([delivery()])


def test_events_that_can_not_come_again_are_forgotten(handling: Handling, database: Database[Unit]) -> None:
    old, new = delivery(), delivery()
    handling.handle([old, new])
    age = text("update inbox set received_at = received_at - interval '31 days' where event_id = :id")
    database.write(lambda unit: unit.connection.execute(age, {"id": UUID(old.id)}).close())
    chores.run(pruning.timer("sample"), database)
    left = database.read(lambda unit: unit.connection.scalars(text("select event_id::text from inbox")).all())
    assert left == [new.id]


def test_a_handler_that_blames_the_database_while_it_answers_is_tried_again_later(
    handling: Handling, recorder: Recorder
) -> None:
    event = delivery()
    recorder.failing[UUID(event.id)] = unavailable("the database")
    [failure] = handling.handle([event])
    assert (failure.delay, failure.attempts) == (timedelta(seconds=5), 0)
