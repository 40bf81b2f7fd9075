from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kit import telemetry

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-1] + "0"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    memory = InMemorySpanExporter()
    telemetry.configure_tracing("tests", "serve", exporter=memory, ratio=0)
    yield memory
    telemetry.flush()


def test_a_sampled_trace_goes_on_through_the_span_and_beyond(exporter: InMemorySpanExporter) -> None:
    with telemetry.span("call", kind="server", traceparent=SAMPLED) as traced:
        traced.set("rpc.system.name", "grpc")
        carried = telemetry.carried()["traceparent"]
        with telemetry.span("inner", kind="client"):
            pass
    inner, outer = exporter.get_finished_spans()
    assert carried.startswith(SAMPLED[:36])
    assert carried != SAMPLED
    assert outer.parent is not None
    assert inner.parent is not None
    assert f"{outer.parent.span_id:016x}" == SAMPLED[36:52]
    assert inner.parent.span_id == outer.context.span_id
    assert dict(outer.attributes or {}) == {"rpc.system.name": "grpc"}


def test_a_failed_span_says_why(exporter: InMemorySpanExporter) -> None:
    with telemetry.span("call", kind="server", traceparent=SAMPLED) as traced:
        traced.fail("OUT_OF_STOCK")
    assert exporter.get_finished_spans()[0].status.description == "OUT_OF_STOCK"


@pytest.mark.parametrize("traceparent", [UNSAMPLED, "", "rubbish", "00-zz-1-1"])
def test_a_trace_that_is_not_sampled_makes_no_span_but_keeps_its_id(
    exporter: InMemorySpanExporter, traceparent: str
) -> None:
    with telemetry.span("call", kind="server", traceparent=traceparent) as traced:
        traced.set("key", "value")
        traced.fail("reason")
        assert len(telemetry.trace_id()) == 32
        assert telemetry.carried()["traceparent"].endswith("-00")
    assert exporter.get_finished_spans() == ()
    assert telemetry.carried() == {}


def test_without_an_exporter_a_trace_is_only_passed_on() -> None:
    with telemetry.span("call", kind="server", traceparent=SAMPLED) as traced:
        assert traced.recorded is None
        assert telemetry.carried() == {"traceparent": SAMPLED}


def test_a_share_of_the_traces_that_begin_here_is_recorded() -> None:
    memory = InMemorySpanExporter()
    telemetry.configure_tracing("tests", "serve", exporter=memory, ratio=1)
    with telemetry.span("call", kind="server"):
        pass
    telemetry.flush()
    assert len(memory.get_finished_spans()) == 1
