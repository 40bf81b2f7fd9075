"""The live scene: today's business through the gateway, half REST/JSON and half gRPC, each step checked."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
import requests

_PATIENCE_SECONDS = 20.0
_CALL_SECONDS = 10.0

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to be so, and whether it was."""

    title: str
    holds: bool
    seen: str


@dataclass(slots=True)
class Scene:
    """The stage: two ways through the gateway, and the checks so far. `tell` shows each check as it is made."""

    gateway: str
    token: str
    tell: Callable[[Check], None]
    checks: list[Check] = field(default_factory=list)
    _http: requests.Session = field(default_factory=requests.Session)

    def check(self, title: str, holds: bool, seen: object) -> None:
        """Record a check."""
        made = Check(title, holds, str(seen))
        self.checks.append(made)
        self.tell(made)

    def post(self, path: str, body: Json, *, request_id: str = "") -> Json:
        """Call by REST; a `request_id` here is for methods whose body is the resource itself."""
        query = {"requestId": request_id} if request_id else {}
        return self.send("POST", path, body, query)[1]

    def get(self, path: str, **query: str) -> Json:
        """Read by REST."""
        return self.send("GET", path, None, query)[1]

    def send(self, method: str, path: str, body: Json | None, query: dict[str, str]) -> tuple[int, Json]:
        """One REST call; answers status and body."""
        answer = self._http.request(
            method,
            f"http://{self.gateway}/v1/{path}",
            json=body,
            params=query,
            headers={"authorization": f"Bearer {self.token}"},
            timeout=_CALL_SECONDS,
        )
        return answer.status_code, answer.json()

    def channel(self) -> grpc.Channel:
        """A gRPC channel to the same port."""
        return grpc.insecure_channel(self.gateway)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What a gRPC call carries."""
        return (("authorization", f"Bearer {self.token}"),)

    def eventually(self, read: Callable[[], T], wanted: Callable[[T], bool]) -> tuple[T, float]:
        """Read until it is as wanted or patience ends; answers the last reading and the seconds it took."""
        started = time.monotonic()
        while True:
            seen = read()
            passed = time.monotonic() - started
            if wanted(seen) or passed > _PATIENCE_SECONDS:
                return seen, passed
            time.sleep(0.05)


def once() -> str:
    """A request id for one call and its repeats."""
    return str(uuid.uuid4())


def usd(cents: int) -> Json:
    """An amount as JSON has it."""
    units, rest = divmod(cents, 100)
    return {"currencyCode": "USD", "units": str(units), "nanos": rest * 10_000_000}


def cents(amount: Json) -> int:
    """The amount in cents."""
    return int(amount.get("units", 0)) * 100 + int(amount.get("nanos", 0)) // 10_000_000
