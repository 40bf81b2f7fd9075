"""The metrics page: plain for whoever asks plainly, with exemplars for who reads OpenMetrics."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics import parser

from kit.rpc import metrics
from kit.telemetry import MetricsServer

NAME, METHOD = "rpc_server_call_duration_seconds", "tests/Exemplar"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def address() -> Iterator[str]:
    server = MetricsServer("127.0.0.1:0")
    server.start()
    yield server.address
    server.stop()


def page(address: str, accept: str) -> tuple[str, str]:
    request = urllib.request.Request(f"http://{address}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.headers["Content-Type"]), answer.read().decode()


def test_an_exemplar_leads_from_a_slow_call_to_its_trace(address: str) -> None:
    metrics.DURATION.labels(METHOD, "OK").observe(0.3, {"trace_id": TRACE})
    kind, text = page(address, "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    families = parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    [family] = [each for each in families if each.name == NAME]
    found = [s for s in family.samples if s.labels.get("rpc_method") == METHOD and s.exemplar is not None]
    assert [(s.labels["le"], s.exemplar.labels, s.exemplar.value) for s in found if s.exemplar] == [
        ("0.5", {"trace_id": TRACE}, 0.3)
    ]


def test_who_asks_plainly_gets_no_exemplar(address: str) -> None:
    metrics.DURATION.labels(METHOD, "OK").observe(0.3, {"trace_id": TRACE})
    kind, text = page(address, "*/*")
    assert kind.startswith("text/plain")
    assert "trace_id" not in text


def test_a_counter_says_nothing_of_its_making(address: str) -> None:
    assert "_created" not in page(address, "application/openmetrics-text; version=1.0.0")[1]
