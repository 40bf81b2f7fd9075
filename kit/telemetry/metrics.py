"""The metrics page of a process, and its health, on one small HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import REGISTRY, disable_created_metrics
from prometheus_client.exposition import choose_encoder

disable_created_metrics()  # type: ignore[no-untyped-call] # a series beside each other one, which nobody reads

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds; the buckets of OpenTelemetry's `rpc.server.call.duration`."""

Health = Callable[[], str | None]
"""Answers what is wrong with the process, or None."""


class MetricsServer:
    """`/metrics` for Prometheus, `/healthz` and `/readyz` for the kubelet, in a thread of their own.

    `ready` says what keeps calls away though the process need not be started again; by default that is its health.
    """

    def __init__(self, address: str, health: Health = lambda: None, *, ready: Health | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._server = ThreadingHTTPServer(
            (host, int(port)), _handler({"/healthz": health, "/readyz": ready or health})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, host:port, with the real port when 0 was asked for."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(health: Mapping[str, Health]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/metrics"):
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, encode(REGISTRY), content_type)
            elif self.path in health:
                trouble = health[self.path]()
                body = json.dumps({"status": trouble or "ok"}).encode()
                self._answer(503 if trouble else 200, body, "application/json")
            else:
                self._answer(404, b"", "text/plain")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are no news."""

    return Handler
