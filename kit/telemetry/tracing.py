"""Traces in W3C trace context. Whether a trace is recorded is decided before anything is made of it: an unrecorded
call costs one parse and no span (OpenTelemetry's own interceptor costs a third of the throughput even then).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as RecordedSpan

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 0x01
_ODD = frozenset("13579bdf")

_traceparent: ContextVar[str] = ContextVar("traceparent", default="")


@dataclass(slots=True)
class _Recorder:
    """The process's exporter, once `configure_tracing` has made one."""

    provider: TracerProvider | None = None
    ratio: float = 0.0


_recorder = _Recorder()


@dataclass(slots=True)
class Span:
    """A span that may or may not be recorded; setting attributes is free when it is not."""

    recorded: RecordedSpan | None = field(default=None)

    def set(self, key: str, value: str | float | bool) -> None:
        """Set an attribute. Never personal data."""
        if self.recorded is not None:
            self.recorded.set_attribute(key, value)

    def fail(self, reason: str) -> None:
        """Mark the span as failed."""
        if self.recorded is not None:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - loaded only where traces are recorded

            self.recorded.set_status(Status(StatusCode.ERROR, reason))


def configure_tracing(
    service: str, role: str, *, endpoint: str = "", ratio: float = 0.01, exporter: SpanExporter | None = None
) -> None:
    """Record traces and send them to `endpoint` (OTLP over HTTP); without endpoint and exporter none are recorded.

    `ratio` is the share of traces begun here that are recorded; one begun elsewhere is recorded if its flag says so.
    An `exporter` given (tests) is called at the end of each span.
    """
    if not endpoint and exporter is None:
        return
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - loaded only where traces are recorded
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor  # noqa: PLC0415

    processor: SpanProcessor
    if exporter is not None:
        processor = SimpleSpanProcessor(exporter)
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        processor = BatchSpanProcessor(
            OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"), schedule_delay_millis=1000
        )
    resource = Resource.create({"service.name": service, "service.namespace": "kehu", "kehu.role": role})
    _recorder.provider = TracerProvider(resource=resource)
    _recorder.provider.add_span_processor(processor)
    _recorder.ratio = ratio


def flush() -> None:
    """Send what is left, at the end of the process."""
    if _recorder.provider is not None:
        _recorder.provider.shutdown()
        _recorder.provider = None


def carried() -> dict[str, str]:
    """The header that carries the present trace on: into an event, or to a peer."""
    traceparent = _traceparent.get()
    return {"traceparent": traceparent} if traceparent else {}


def present() -> str:
    """The present trace's `traceparent`, or nothing."""
    return _traceparent.get()


def sampled(traceparent: str) -> bool:
    """Whether a trace is recorded, by the flags at the end of its `traceparent`."""
    return traceparent[-1:] in _ODD


@contextmanager
def unrecorded() -> Iterator[None]:
    """A new trace that leaves no span, for what is done for several others at once."""
    token = _traceparent.set(_begin())
    try:
        yield
    finally:
        _traceparent.reset(token)


def trace_id() -> str:
    """The present trace's id, or nothing."""
    return _traceparent.get()[3:35]


@contextmanager
def span(
    name: str, *, kind: str, traceparent: str | None = None, attributes: Mapping[str, str | int] | None = None
) -> Iterator[Span]:
    """Work inside a span of `kind` (server, client, producer, consumer, internal).

    `traceparent` is the header that came with the call or event; without one the present trace goes on, or a new one
    begins. An invalid header counts as none.
    """
    incoming = _TRACEPARENT.fullmatch(traceparent or _traceparent.get())
    if _recorder.provider is None or not _recorded(incoming):
        token = _traceparent.set(incoming.group(0) if incoming else _begin())
        try:
            yield Span()
        finally:
            _traceparent.reset(token)
        return
    with _record(name, kind, incoming, attributes) as recorded:
        context = recorded.get_span_context()
        token = _traceparent.set(f"00-{context.trace_id:032x}-{context.span_id:016x}-01")
        try:
            yield Span(recorded)
        finally:
            _traceparent.reset(token)


def _recorded(incoming: re.Match[str] | None) -> bool:
    if incoming is not None:
        return bool(int(incoming.group(3), 16) & _SAMPLED)
    return random.random() < _recorder.ratio  # noqa: S311 - a sample, not a secret


def _begin() -> str:
    """A trace that is not recorded still has an id, so that logs of one call can be found together."""
    return f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-00"


@contextmanager
def _record(
    name: str, kind: str, incoming: re.Match[str] | None, attributes: Mapping[str, str | int] | None
) -> Iterator[RecordedSpan]:
    from opentelemetry import trace  # noqa: PLC0415 - loaded only where traces are recorded
    from opentelemetry.context import Context  # noqa: PLC0415

    assert _recorder.provider is not None  # noqa: S101 - narrows the type; the caller has checked
    parent = Context()
    if incoming is not None:
        flags = trace.TraceFlags(int(incoming.group(3), 16))
        remote = trace.SpanContext(
            int(incoming.group(1), 16), int(incoming.group(2), 16), is_remote=True, trace_flags=flags
        )
        parent = trace.set_span_in_context(trace.NonRecordingSpan(remote), parent)
    tracer = _recorder.provider.get_tracer("kehu")
    recorded = tracer.start_span(
        name, context=parent, kind=trace.SpanKind[kind.upper()], attributes=dict(attributes or {})
    )
    try:
        yield recorded
    finally:
        recorded.end()
