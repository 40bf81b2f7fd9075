"""A collector of spans: takes them by OTLP over HTTP, and hands them over or writes each to a file as JSON."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Take = Callable[[ExportTraceServiceRequest], None]


@contextmanager
def receiving(take: Take) -> Iterator[str]:
    """Hand over what processes send until the end of the block, from several threads at once; the endpoint to send to
    (KEHU_OTLP_ENDPOINT)."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(take))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def collecting(file: Path) -> Iterator[str]:
    """Write spans to a file until the end of the block; the endpoint as of `receiving`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = threading.Lock()
    with file.open("w", encoding="utf-8") as out:

        def keep(request: ExportTraceServiceRequest) -> None:
            lines = [MessageToJson(each, indent=None, ensure_ascii=False) for each in _spans(request)]
            with lock:
                out.writelines(f"{line}\n" for line in lines)
                out.flush()

        with receiving(keep) as endpoint:
            yield endpoint


def _handler(take: Take) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self._body()
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            take(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _body(self) -> bytes:
            length = self.headers.get("Content-Length")
            # Envoy sends its spans in chunks.
            return b"".join(self._chunks()) if length is None else self.rfile.read(int(length))

        def _chunks(self) -> Iterator[bytes]:
            while length := int(self.rfile.readline(), 16):
                yield self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()

        def log_message(self, *_: object) -> None:
            """Spans are no news."""

    return Handler


def _spans(request: ExportTraceServiceRequest) -> Iterator[Message]:
    for resource in request.resource_spans:
        yield resource.resource
        for scope in resource.scope_spans:
            yield from scope.spans
