"""Calls to a peer: with the service's own token, the trace, what is left of the deadline, and careful retries."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from kit import errors
from kit.errors import Kind
from kit.rpc import call as calls
from kit.rpc import metrics, status
from kit.rpc.budget import Budget
from kit.rpc.identity import Tokens
from kit.telemetry import carried

M = TypeVar("M", bound=Message)

_KEPT_SECONDS = 0.05  # of the deadline, to answer the own caller with
_ATTEMPTS = 3
_BACKOFF_SECONDS = 0.05
_PASSED_ON = frozenset(
    {
        Kind.INVALID_ARGUMENT,
        Kind.NOT_FOUND,
        Kind.ALREADY_EXISTS,
        Kind.FAILED_PRECONDITION,
        Kind.ABORTED,
        Kind.RESOURCE_EXHAUSTED,
    }
)
# A server that goes answers CANCELLED to a call that came just then, though nobody has begun it (grpc/grpc#41785).
# Where our own caller gives up, there is no answer at all but asyncio's CancelledError.
_REPEATED = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
# A replica that says NOT_SERVING, as all do before they go, is asked no more.
_CONFIGURATION = '{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": ""}}'
_OPTIONS = [
    ("grpc.service_config", _CONFIGURATION),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    # A replica that restarted is found again before the next one goes: gRPC's own pauses grow from 1 s to 2 min.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # how long one try to connect may take
    ("grpc.enable_retries", 0),  # ours know the deadline and the budget
]


class Peer:
    """Another service. All calls through it must be idempotent, by nature or by their request id.

    `address` is a gRPC target. Behind a name with many addresses, or a list (`ipv4:10.0.0.1:50051,10.0.0.2:50051`),
    each call goes to the next replica that is connected, and so does each retry.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        caller: str,
        tokens: Tokens,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self.name = name
        self.channel = (
            grpc.aio.insecure_channel(address, options=_OPTIONS)
            if credentials is None
            else grpc.aio.secure_channel(address, credentials, options=_OPTIONS)
        )
        self._caller = caller
        self._budget = Budget()
        self._tokens = tokens

    async def call(self, method: Callable[..., Awaitable[M]], request: Message) -> M:
        """Call `stub.Method` within what is left of the present call's deadline. Raises the peer's Fault.

        A refusal that is about the request passes on as it is; anything else of the peer's is our UNAVAILABLE.
        """
        self._budget.earn()
        for attempt in range(1, _ATTEMPTS + 1):
            remaining = calls.current().remaining() - _KEPT_SECONDS
            if remaining <= 0:
                raise errors.deadline_exceeded()
            try:
                return await self._asked(method, request, remaining)
            except grpc.aio.AioRpcError as error:
                again = error.code() in _REPEATED and attempt < _ATTEMPTS
                if not again or not self._budget.spend():
                    raise self._fault(error) from error
            await asyncio.sleep(random.uniform(0.5, 1.0) * _BACKOFF_SECONDS * 2**attempt)  # noqa: S311 - jitter
        raise errors.unavailable(self.name)

    async def close(self) -> None:
        """Close the channel."""
        await self.channel.close()

    async def _asked(self, method: Callable[..., Awaitable[M]], request: Message, seconds: float) -> M:
        """One try, measured."""
        began, code = perf_counter(), "CANCELLED"
        try:
            answer = await method(request, timeout=seconds, metadata=self._metadata(), wait_for_ready=False)
            code = "OK"
            return answer
        except grpc.aio.AioRpcError as error:
            code = error.code().name
            raise
        finally:
            metrics.ASKED.labels(self.name, code).observe(perf_counter() - began)

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        bearer = ("authorization", f"Bearer {self._tokens.for_service(self._caller)}")
        return (bearer, *carried().items())

    def _fault(self, error: grpc.aio.AioRpcError) -> errors.Fault:
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return errors.deadline_exceeded()
        fault = status.fault_of(error)
        return fault if fault is not None and fault.kind in _PASSED_ON else errors.unavailable(self.name)
