"""An OpenTelemetry collector of a test's own: takes spans over HTTP and keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from cli.scan.collector import receiving


@dataclass
class Collector:
    """`endpoint` is for KEHU_OTLP_ENDPOINT."""

    endpoint: str
    spans: list[Span] = field(default_factory=list)

    def named(self, name: str) -> list[Span]:
        """The spans of this name, in the order of their arrival."""
        return [span for span in self.spans if span.name == name]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector until the end of the block."""
    spans: list[Span] = []

    def take(request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                spans.extend(scope.spans)

    with receiving(take) as endpoint:
        yield Collector(endpoint, spans)
