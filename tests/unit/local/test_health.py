import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from deploy.local import health


@pytest.fixture
def page() -> Iterator[Callable[[int, str], str]]:
    """`page(status, body)`: the address of a server that answers so."""
    servers: list[HTTPServer] = []

    def serve(status: int, body: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def cluster(name: str, **flags: object) -> dict[str, object]:
    return {"name": name, "host_statuses": [{"health_status": {"eds_health_status": "HEALTHY", **flags}}]}


def test_a_process_is_well_when_it_says_so(page: Callable[[int, str], str]) -> None:
    assert health.http(page(200, "ok"), "/healthz")


def test_a_process_that_says_otherwise_is_not(page: Callable[[int, str], str]) -> None:
    assert not health.http(page(503, "no database"), "/healthz")


def test_a_process_that_does_not_answer_is_not_well() -> None:
    assert not health.http("127.0.0.1:1", "/healthz")
    assert not health.broker(1)
    assert not health.database("postgresql://127.0.0.1:1/x")
    assert health.behind_gateway("127.0.0.1:1") == set()


def test_the_gateway_says_who_passes_its_health_checks(page: Callable[[int, str], str]) -> None:
    clusters = [cluster("members"), cluster("orders", failed_active_health_check=True), {"name": "empty"}]

    assert health.behind_gateway(page(200, json.dumps({"cluster_statuses": clusters}))) == {"members"}
