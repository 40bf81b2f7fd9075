"""A real Envoy with our configuration, and the callers that tests come to it as."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway import Place, envoy, render
from gateway.place import Address
from gateway.rules import Rules
from tests.support.waiting import until


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON by its type too."""
        assert self.headers["content-type"] == "application/json", self.body
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The reason of the `ErrorInfo` in an error's body."""
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        return str(next(detail["reason"] for detail in self.json["details"] if detail["@type"] == kind))


@dataclass(frozen=True)
class Gateway:
    """A running gateway. Calls carry `bearer` unless they bring their own headers for it."""

    place: Place
    bearer: str
    log: Path

    def call(
        self,
        verb: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        to: Address | None = None,
    ) -> Reply:
        """One HTTP call; a body that isn't bytes goes as JSON. A header with an empty value is left out."""
        address = to or self.place.listen
        sent = {"authorization": self.bearer, **({"content-type": "application/json"} if body is not None else {})}
        sent |= headers or {}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
        connection = http.client.HTTPConnection(address.host, address.port, timeout=20)
        try:
            connection.request(verb, path, data, {name: value for name, value in sent.items() if value})
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def access(self, request_id: str) -> dict[str, Any]:
        """The entry of a call in the access log; empty as long as there is none."""
        entries = [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]
        return next((entry for entry in entries if entry["request_id"] == request_id), {})


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def running(place: Place, folder: Path, *, rules: Rules, bearer: str) -> Iterator[Gateway]:
    """Envoy with the configuration for a place, until the end of the block."""
    config = folder / "envoy.yaml"
    config.write_text(yaml.safe_dump(render(place, rules=rules)))
    log = folder / "access.log"
    with log.open("w") as out, subprocess.Popen(envoy.command(config), stdout=out, stderr=subprocess.STDOUT) as process:
        gateway = Gateway(place, bearer, log)
        try:
            until(lambda: _ready(gateway, process), what="the gateway's readiness")
            yield gateway
        finally:
            process.terminate()
            process.wait(10)


def _ready(gateway: Gateway, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, gateway.log.read_text()
    try:
        return gateway.call("GET", "/ready", to=gateway.place.status).status == 200
    except ConnectionError:
        return False
