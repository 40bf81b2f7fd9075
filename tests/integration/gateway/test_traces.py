"""One trace from the gateway on: its span goes to the collector, its id to the service."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from kehu.members.v1 import members_pb2 as pb
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway import Place
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.running import Gateway
from tests.support.waiting import until

PATH = "/v1/members/1"
CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Collector:
    """What an OTLP collector was sent."""

    address: str
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)

    def trace_ids(self) -> set[str]:
        spans = [s for r in self.requests for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]
        return {span.trace_id.hex() for span in spans}


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.requests.append(ExportTraceServiceRequest.FromString(b"".join(self.chunks())))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def chunks(self) -> Iterator[bytes]:
            while length := int(self.rfile.readline(), 16):
                yield self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def answer(*_: Any) -> pb.Member:
    return pb.Member()


@pytest.mark.parametrize("callers", ["", CALLERS])
def test_a_trace_runs_from_the_gateway_to_the_service(
    another: Callable[..., Gateway],
    place: Callable[[], Place],
    backend: Backend,
    collector: Collector,
    callers: str,
) -> None:
    backend.answers["GetMember"] = answer
    traced = another(at=replace(place(), otlp_endpoint=collector.address, trace_ratio=1.0))

    traced.call("GET", PATH, headers={"traceparent": callers})

    _, trace_id, span_id, flags = backend.calls[0][1]["traceparent"].split("-")
    assert until(lambda: trace_id in collector.trace_ids(), what="the gateway's span")
    assert flags == "01"
    if callers:
        assert trace_id == callers.split("-")[1]
        assert span_id != callers.split("-")[2]


def test_without_a_collector_the_callers_own_trace_passes(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = answer

    gateway.call("GET", PATH, headers={"traceparent": CALLERS})

    assert backend.calls[0][1]["traceparent"] == CALLERS
