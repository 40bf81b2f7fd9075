"""Batch calls through the gateway: patient with what passes, quick with what does not.

Every batch is idempotent by its channel and external ids, so it is sent again whenever its answer was lost.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from kehu.members.v1 import members_pb2, members_pb2_grpc
from kehu.orders.v1 import catalogue_pb2, catalogue_pb2_grpc, imports_pb2, orders_pb2_grpc

from cli.importing.problem import Exit, ImportProblem

Row = TypeVar("Row")
Result = TypeVar("Result")

_DEADLINE_SECONDS = 60
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0
_FAILURES_OF_ONE_BATCH = 5
_MESSAGE_BYTES = 16 << 20
_OPTIONS = [
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.enable_retries", 0),
]
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    }
)
_FORBIDDEN = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})
_FAILED = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that made its whole call fail."""

    code: str
    details: str


EnrollAnswer = members_pb2.EnrollResult | Refusal
OrderAnswer = imports_pb2.ImportResult | Refusal
ProductAnswer = catalogue_pb2.ProductRowResult | Refusal


class Gateway:
    """The batch methods, at `host:port` or an address that begins with http:// or https://.

    A call gives up with Exit.INCOMPLETE when nothing at all went through for `patience` seconds.
    """

    def __init__(self, address: str, token: str, *, patience: float = 120.0) -> None:
        self.address = address
        self._channel = _channel(address)
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._patience = patience
        self._succeeded = 0.0
        self._members = members_pb2_grpc.MembersServiceStub(self._channel)
        self._orders = orders_pb2_grpc.OrdersServiceStub(self._channel)
        self._catalogue = catalogue_pb2_grpc.CatalogueServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def enroll(self, rows: Sequence[members_pb2.EnrollRow]) -> list[EnrollAnswer]:
        """Enrol members; the results stand in the order of the rows."""

        async def call(part: Sequence[members_pb2.EnrollRow]) -> Sequence[members_pb2.EnrollResult]:
            answer = await self._call(self._members.BatchEnroll, members_pb2.BatchEnrollRequest(rows=part))
            results: Sequence[members_pb2.EnrollResult] = answer.results
            return results

        return await self._divided(call, rows)

    async def import_orders(self, orders: Sequence[imports_pb2.ImportedOrder]) -> list[OrderAnswer]:
        """Import orders; the results stand in the order of the orders."""

        async def call(part: Sequence[imports_pb2.ImportedOrder]) -> Sequence[imports_pb2.ImportResult]:
            answer = await self._call(self._orders.ImportOrders, imports_pb2.ImportOrdersRequest(orders=part))
            results: Sequence[imports_pb2.ImportResult] = answer.results
            return results

        return await self._divided(call, orders)

    async def upsert_products(self, rows: Sequence[catalogue_pb2.ProductRow]) -> list[ProductAnswer]:
        """Create and change products; the results stand in the order of the rows."""

        async def call(part: Sequence[catalogue_pb2.ProductRow]) -> Sequence[catalogue_pb2.ProductRowResult]:
            request = catalogue_pb2.BatchUpsertProductsRequest(rows=part)
            answer = await self._call(self._catalogue.BatchUpsertProducts, request)
            results: Sequence[catalogue_pb2.ProductRowResult] = answer.results
            return results

        return await self._divided(call, rows)

    async def _divided(
        self, call: Callable[[Sequence[Row]], Awaitable[Sequence[Result]]], rows: Sequence[Row]
    ) -> list[Result | Refusal]:
        """Send the rows; where a batch is refused as a whole, find the row to blame by halving."""
        try:
            results = await call(rows)
        except _BatchRefusedError as refused:
            if len(rows) == 1:
                return [Refusal(refused.code, refused.details)]
            middle = len(rows) // 2
            return [*await self._divided(call, rows[:middle]), *await self._divided(call, rows[middle:])]
        if len(results) != len(rows):
            raise ImportProblem(Exit.REFUSED, f"{self.address} answers in another way than a Kehu gateway.")
        return list(results)

    async def _call(self, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        wait, failures = _FIRST_WAIT_SECONDS, 0
        self._succeeded = self._succeeded or time.monotonic()
        while True:
            try:
                answer = await method(request, timeout=_DEADLINE_SECONDS, metadata=self._metadata)
            except grpc.aio.AioRpcError as error:
                failures += error.code() in _FAILED
                if error.code() not in _PASSING and not 0 < failures < _FAILURES_OF_ONE_BATCH:
                    raise self._final(error) from None
                self._check_patience(error)
            else:
                self._succeeded = time.monotonic()
                return answer
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    def _check_patience(self, error: grpc.aio.AioRpcError) -> None:
        if time.monotonic() - self._succeeded > self._patience:
            raise ImportProblem(
                Exit.INCOMPLETE,
                f"Nothing went through {self.address} for {self._patience:.0f} s ({error.code().name}: "
                f"{error.details()}). The same command goes on from here.",
            )

    def _final(self, error: grpc.aio.AioRpcError) -> Exception:
        code, details = error.code(), error.details() or ""
        if code in _FORBIDDEN:
            return ImportProblem(
                Exit.REFUSED, f"{self.address} refuses this token ({details or code.name}); get one with `kehu token`."
            )
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return ImportProblem(Exit.REFUSED, f"{self.address} is no Kehu gateway ({details or code.name}).")
        return _BatchRefusedError(code.name, details)


class _BatchRefusedError(Exception):
    """A batch that will not be taken however often it is sent."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.details = details


def _channel(address: str) -> grpc.aio.Channel:
    scheme, separator, rest = address.partition("://")
    target = rest.rstrip("/") if separator else address
    if separator and scheme == "https":
        return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=_OPTIONS)
    return grpc.aio.insecure_channel(target, options=_OPTIONS)
