"""A good client: by JSON and by gRPC through the gateway, with a request id, repeating what may have been lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import httpx2
from google.protobuf.message import Message

from faults.record import PASSING, Attempt, Record

_CALL_SECONDS = 6.0
EAGER_SECONDS = 0.5
"""How long whoever is eager waits for an answer."""

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0
_BY_STATUS = {429: "RESOURCE_EXHAUSTED", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}
_CODES: dict[int, str] = {code.value[0]: code.name for code in grpc.StatusCode}

Json = dict[str, Any]


class GivenUp(Exception):
    """The answer never came, or the call was refused for good."""


class Caller:
    """Calls the gateway, and writes down each call. Belongs to one event loop."""

    def __init__(
        self,
        address: str,
        token: str,
        *,
        patience: float,
        eager: Callable[[], bool] = lambda: False,
    ) -> None:
        """As long as it is `eager`, it waits for no answer and makes no pause, as no client should."""
        self._patience, self._eager = patience, eager
        self._headers = {"authorization": f"Bearer {token}"}
        # Not what the environment says about proxies: the suite is on this machine.
        self._http = httpx2.AsyncClient(base_url=f"http://{address}", trust_env=False)
        self.channel = grpc.aio.insecure_channel(address, options=[("grpc.max_reconnect_backoff_ms", 1_000)])

    @property
    def _seconds(self) -> float:
        return EAGER_SECONDS if self._eager() else _CALL_SECONDS

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()
        await self.channel.close()

    async def post(self, record: Record, path: str, body: Json, *, label: str = "") -> Json:
        """One call by JSON, until it is answered. Raises GivenUp."""

        async def once() -> tuple[str, Json]:
            try:
                answer = await self._http.post(f"/v1/{path}", json=body, headers=self._headers, timeout=self._seconds)
            except httpx2.TimeoutException:
                return "DEADLINE_EXCEEDED", {}
            except httpx2.TransportError:
                return "UNAVAILABLE", {}
            return _json(answer)

        answer: Json = await self._until_answered(record, label or path.rpartition(":")[2].split("/")[-1], once)
        return answer

    async def call(self, record: Record, method: Callable[..., Awaitable[Any]], request: Message) -> Any:
        """One call by gRPC, until it is answered. Raises GivenUp."""

        async def once() -> tuple[str, Any]:
            try:
                metadata = tuple(self._headers.items())
                return "OK", await method(request, timeout=self._seconds, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                return error.code().name, None

        return await self._until_answered(record, type(request).__name__, once)

    async def _until_answered(self, record: Record, name: str, once: Callable[[], Awaitable[tuple[str, Any]]]) -> Any:
        until = time.monotonic() + self._patience
        pause, again = _SHORTEST_PAUSE, False
        while True:
            begin = time.monotonic()
            code, answer = await once()
            record.attempts.append(Attempt(begin, time.monotonic(), code, name, again))
            if code == "OK":
                return answer
            if code not in PASSING or time.monotonic() > until:
                raise GivenUp(code)
            again = True
            if not self._eager():
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                pause = min(2 * pause, _LONGEST_PAUSE)


def _json(answer: httpx2.Response) -> tuple[str, Json]:
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if answer.status_code == httpx2.codes.OK:
        return "OK", body
    return _CODES.get(body.get("code", -1), _BY_STATUS.get(answer.status_code, f"HTTP_{answer.status_code}")), body
