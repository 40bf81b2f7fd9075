"""A real Envoy with our configuration, and the callers that tests come to it as."""

from __future__ import annotations

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
from tests.support import http
from tests.support.http import Reply
from tests.support.waiting import until


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
        """One call by HTTP, see `tests.support.http.call`."""
        identity = {"authorization": self.bearer}
        return http.call(str(to or self.place.listen), verb, path, body, headers={**identity, **(headers or {})})

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
