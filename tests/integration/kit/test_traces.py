"""One trace from the transaction that made an event, through relay and worker, into the event that this one causes."""

from __future__ import annotations

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from kit import broker
from kit.broker import headers
from kit.telemetry import span
from tests.support.collector import collecting
from tests.support.rabbitmq import take
from tests.support.sample.consumer import ARCHIVE, SETTLEMENT
from tests.support.sample.harness import Harness, order_paid
from tests.support.waiting import until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_the_trace_goes_on_from_event_to_effect_to_event(sample: Harness) -> None:
    listen(sample, "PointsEarned")
    with collecting() as collector:
        sample.environment["KEHU_OTLP_ENDPOINT"] = collector.endpoint
        with sample.relay(), sample.consuming():
            commit_traced(sample, "01", among=20)
            caused = until(lambda: take(sample.broker_url, "tests.PointsEarned"))
            published = until(lambda: collector.named("publish OrderPaid"))
            processed = until(
                lambda: len(collector.named("process OrderPaid")) == 2 and collector.named("process OrderPaid")
            )
            [again] = until(lambda: collector.named("publish PointsEarned"))
    [produced], processed = published, collector.named("process OrderPaid")
    assert {found.trace_id.hex() for found in collector.spans} == {TRACE}
    assert produced.parent_span_id.hex() == PARENT
    assert {found.parent_span_id for found in processed} == {produced.span_id}
    assert {attribute(found, "messaging.destination.name") for found in processed} == {SETTLEMENT, ARCHIVE}
    [settled] = [found for found in processed if attribute(found, "messaging.destination.name") == SETTLEMENT]
    assert again.parent_span_id == settled.span_id
    assert caused.headers[headers.TRACEPARENT] == f"00-{TRACE}-{again.span_id.hex()}-01"
    assert len(collector.spans) == 4, "events of other traces leave none"


def test_a_trace_that_is_not_recorded_goes_on_unrecorded(sample: Harness) -> None:
    listen(sample, "PointsEarned")
    with collecting() as collector:
        sample.environment["KEHU_OTLP_ENDPOINT"] = collector.endpoint
        sample.environment["KEHU_TRACE_RATIO"] = "0"
        with sample.relay(), sample.consuming():
            commit_traced(sample, "00", among=0)
            caused = until(lambda: take(sample.broker_url, "tests.PointsEarned"))
    assert caused.headers[headers.TRACEPARENT] == f"00-{TRACE}-{PARENT}-00"
    assert not collector.spans


def commit_traced(sample: Harness, flags: str, *, among: int) -> None:
    """One event of the trace that makes the sample publish another, among untraced ones."""
    sample.commit([order_paid() for _ in range(among)])
    with span("the test", kind="internal", traceparent=f"00-{TRACE}-{PARENT}-{flags}"):
        sample.commit([order_paid("emit")])


def listen(sample: Harness, event: str) -> None:
    """Collect an event that nobody else listens to. The sample's outbox is sent by the relay of orders."""
    with broker.connect(sample.broker_url) as connection:
        channel = connection.channel()
        channel.queue_declare(f"tests.{event}", durable=True, auto_delete=False)
        channel.queue_bind(f"tests.{event}", "orders.events", event)


def attribute(found: Span, key: str) -> str:
    """A text among the span's attributes."""
    return next(pair.value.string_value for pair in found.attributes if pair.key == key)
