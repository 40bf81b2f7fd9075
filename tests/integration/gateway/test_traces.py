"""One trace from the gateway on: its span goes to the collector, its id to the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from kehu.members.v1 import members_pb2 as pb

from gateway import Place
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.running import Gateway
from tests.support.collector import Collector, collecting
from tests.support.waiting import until

PATH = "/v1/members/1"
CALLERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


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
    traced = another(at=replace(place(), otlp_endpoint=collector.endpoint, trace_ratio=1.0))

    traced.call("GET", PATH, headers={"traceparent": callers})

    _, trace_id, span_id, flags = backend.calls[0][1]["traceparent"].split("-")
    assert until(lambda: trace_id in {span.trace_id.hex() for span in collector.spans}, what="the gateway's span")
    assert flags == "01"
    if callers:
        assert trace_id == callers.split("-")[1]
        assert span_id != callers.split("-")[2]


def test_without_a_collector_the_callers_own_trace_passes(gateway: Gateway, backend: Backend) -> None:
    backend.answers["GetMember"] = answer

    gateway.call("GET", PATH, headers={"traceparent": CALLERS})

    assert backend.calls[0][1]["traceparent"] == CALLERS
