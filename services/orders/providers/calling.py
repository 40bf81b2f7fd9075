"""Calls to a provider by HTTP: bounded in time, tried again where that is harmless, measured and traced."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import httpx2
from prometheus_client import Histogram

from kit import errors
from kit.errors import Fault
from kit.telemetry import log, span
from services.orders import metrics

T = TypeVar("T")

_BACKOFF_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Request:
    """One attempt, signed anew each time: a signature holds for five minutes, and a nonce for one use."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the body as it was sent, for a signature covers its bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Line:
    """The connection to one provider; how long its `calls` take is counted there.

    Every call of every provider is idempotent by our reference, so an attempt that nobody answered is made again:
    the fault is UNAVAILABLE only when the last one failed, too.
    """

    def __init__(
        self, provider: str, *, timeout: float, attempts: int = 2, calls: Histogram = metrics.PROVIDER_CALLS
    ) -> None:
        self._provider = provider
        self._timeout = timeout
        self._attempts = attempts
        self._calls = calls
        self._client: httpx2.AsyncClient | None = None

    async def call(self, name: str, request: Callable[[], Request], read: Callable[[Answer], T]) -> T:
        """Make the call `name` and read its answer. `read` raises a Fault; one that may pass is tried again."""
        attempt = 1
        while True:
            try:
                return await self._attempt(name, request(), read)
            except Fault as fault:
                if not fault.transient or attempt == self._attempts:
                    raise
            await asyncio.sleep(random.uniform(0.5, 1.0) * _BACKOFF_SECONDS * 2**attempt)  # noqa: S311 - jitter
            attempt += 1

    async def aclose(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def unknown(self, name: str, why: str) -> Fault:
        """The fault of a call that nobody knows the outcome of; the log has the reason."""
        log.warning("a provider did not answer as it should", provider=self._provider, call=name, cause=why)
        return errors.unavailable(self._provider)

    async def _attempt(self, name: str, request: Request, read: Callable[[Answer], T]) -> T:
        began, outcome = time.perf_counter(), "unknown"
        with span(f"{self._provider} {name}", kind="client") as traced:
            try:
                result = read(await self._send(name, request))
                outcome = "ok"
                return result
            except Fault as fault:
                outcome = "unknown" if fault.transient else "refused"
                traced.fail(fault.reason)
                raise
            finally:
                self._calls.labels(self._provider, name, outcome).observe(time.perf_counter() - began)

    async def _send(self, name: str, request: Request) -> Answer:
        if self._client is None:
            # Made where the loop runs; redirects are not followed, for our signature is for one URL only.
            self._client = httpx2.AsyncClient(verify=_trust(), timeout=self._timeout, follow_redirects=False)
        try:
            # The client's own timeout is per read; a server that trickles would outlast it.
            async with asyncio.timeout(self._timeout):
                response = await self._client.request(
                    request.method, request.url, headers=dict(request.headers), content=request.body or None
                )
        except (httpx2.HTTPError, TimeoutError) as error:
            raise self.unknown(name, type(error).__name__) from None
        return Answer(
            response.status_code, {key.lower(): value for key, value in response.headers.items()}, response.content
        )


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """The authorities that this machine trusts, read once."""
    return httpx2.create_ssl_context()
