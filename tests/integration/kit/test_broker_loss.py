"""A broker that is killed with -9 and started again, while events are published and consumed."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.rabbitmq import Node
from tests.support.sample import schema
from tests.support.sample.consumer import ARCHIVE, SETTLEMENT
from tests.support.sample.harness import Harness, ids, order_paid
from tests.support.waiting import until

_BACK_SECONDS = 5.0


def test_no_event_is_lost_and_no_effect_repeated_and_all_go_on_by_themselves(
    own_broker: Node, database_url: str, tmp_path: Path
) -> None:
    schema.create(database_url)
    sample = Harness(database_url, own_broker.fresh_url(), tmp_path)
    events = [order_paid("slow:0.001") for _ in range(1_500)]
    during = [order_paid() for _ in range(500)]
    with sample.consuming() as worker, sample.relay() as relay:
        sample.commit(events)
        until(lambda: len(sample.effects()) > 100)
        own_broker.kill()
        until(lambda: worker.health()[0] == relay.health()[0] == 503)
        sample.commit(during)
        own_broker.start()
        back = time.monotonic()
        until(lambda: worker.health()[0] == relay.health()[0] == 200, within=_BACK_SECONDS)
        assert time.monotonic() - back < _BACK_SECONDS
        until(lambda: sample.effects(SETTLEMENT) == ids([*events, *during]), within=60)
        until(lambda: sample.effects(ARCHIVE) == ids([*events, *during]), within=60)
        until(lambda: sample.depth() == sample.depth(ARCHIVE) == 0)
        assert worker.metric("events_handled_total", outcome="dead") == 0
    assert sample.unsent() == 0
    assert sample.query("select count(*) from outbox where attempts > 0") == [(0,)], "an outage is no refusal"


def test_a_broker_that_is_short_of_memory_takes_nothing_and_no_event_suffers(
    own_broker: Node, database_url: str, tmp_path: Path
) -> None:
    schema.create(database_url)
    sample = Harness(database_url, own_broker.fresh_url(), tmp_path)
    events = [order_paid() for _ in range(50)]
    own_broker.files.control("set_vm_memory_high_watermark", "absolute", "1MB")
    with sample.relay() as relay:
        relay.wait_for("broker connected")
        sample.commit(events[:25])
        assert relay.terminate() == 0, "a blocked connection does not keep it from ending"
    with sample.relay() as relay:
        relay.wait_for("broker connected")
        sample.commit(events[25:])
        assert sample.unsent() == 50
        own_broker.files.control("set_vm_memory_high_watermark", "absolute", "2GB")
        until(lambda: sample.unsent() == 0)
    assert sample.query("select count(*) from outbox where attempts > 0") == [(0,)]


def test_a_broker_that_freezes_is_left_and_found_again(own_broker: Node, database_url: str, tmp_path: Path) -> None:
    schema.create(database_url)
    sample = Harness(database_url, own_broker.fresh_url(), tmp_path)
    events = [order_paid() for _ in range(50)]
    with sample.consuming() as worker, sample.relay() as relay:
        relay.wait_for("broker connected")
        with own_broker.frozen():
            sample.commit(events)
            relay.wait_for("broker lost")
            assert "did not answer in time" in str(relay.lines("broker lost")[0]["reason"])
        until(lambda: sample.effects() == ids(events))
        assert worker.metric("events_handled_total", outcome="dead") == 0
    assert sample.unsent() == 0
    assert sample.query("select count(*) from outbox where attempts > 0") == [(0,)]
