"""Members and orders as an importer sees them: real gRPC on loopback, their rules for batches, no database."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
from kehu.members.v1 import members_pb2
from kehu.orders.v1 import errors_pb2, imports_pb2

TOKEN = "good"

Judge = Callable[[Any], str]
"""Why a row is refused; empty for one that is fine."""


class Services:
    """What was sent; `failures` are answered first, one for each call."""

    def __init__(self) -> None:
        self.members: dict[tuple[str, str], members_pb2.EnrollRow] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.orders: dict[tuple[str, str], imports_pb2.ImportedOrder] = {}
        self.failures: list[grpc.StatusCode] = []
        self.lose_answers = 0
        self.delay = 0.0
        self.stop_after: int | None = None
        self.calls: Counter[str] = Counter()
        self.under_way = self.most_under_way = 0
        self.refuse_member: Judge = lambda row: ""
        self.refuse_order: Judge = lambda row: ""
        self.poison: Judge = lambda row: ""

    async def BatchEnroll(
        self, request: members_pb2.BatchEnrollRequest, context: grpc.aio.ServicerContext
    ) -> members_pb2.BatchEnrollResponse:
        await self._admit("BatchEnroll", request.rows, context)
        results = [self._enroll(row) for row in request.rows]
        await self._lose(context)
        return members_pb2.BatchEnrollResponse(results=results)

    async def ImportOrders(
        self, request: imports_pb2.ImportOrdersRequest, context: grpc.aio.ServicerContext
    ) -> imports_pb2.ImportOrdersResponse:
        await self._admit("ImportOrders", request.orders, context)
        results = [self._import(order) for order in request.orders]
        await self._lose(context)
        return imports_pb2.ImportOrdersResponse(results=results)

    async def _admit(self, method: str, rows: Any, context: grpc.aio.ServicerContext) -> None:
        self.calls[method] += 1
        assert 1 <= len(rows) <= 1_000
        if dict(context.invocation_metadata()).get("authorization") != f"Bearer {TOKEN}":
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token can't be verified")
        if self.failures:
            await context.abort(self.failures.pop(0), "as the test wishes")
        if self.stop_after is not None and self.calls["ImportOrders"] > self.stop_after:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        if any(self.poison(row) for row in rows):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "a row can't be read")
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(self.delay)
        self.under_way -= 1

    async def _lose(self, context: grpc.aio.ServicerContext) -> None:
        if self.lose_answers:
            self.lose_answers -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the answer is lost")

    def _enroll(self, row: members_pb2.EnrollRow) -> members_pb2.EnrollResult:
        if why := self.refuse_member(row):
            return members_pb2.EnrollResult(
                state=members_pb2.EnrollResult.STATE_REJECTED, reason=why, message=f"{why} it is"
            )
        key = (row.channel, row.external_id)
        known = self.members.get(key)
        self.members[key] = row
        name = self.names.setdefault(key, f"members/{uuid.uuid4()}")
        state = members_pb2.EnrollResult.State.Value(_state(known, row))
        return members_pb2.EnrollResult(state=state, member=name)

    def _import(self, order: imports_pb2.ImportedOrder) -> imports_pb2.ImportResult:
        if why := self.refuse_order(order):
            reason = errors_pb2.ERROR_REASON_ROW_INVALID
            return imports_pb2.ImportResult(
                state=imports_pb2.ImportResult.STATE_REJECTED, reason=reason, field="lines[0].title", description=why
            )
        key = (order.channel, order.external_id)
        known = self.orders.get(key)
        self.orders[key] = order
        state = imports_pb2.ImportResult.State.Value(_state(known, order))
        return imports_pb2.ImportResult(state=state, order=f"orders/{uuid.uuid4()}")


def _state(known: object, told: object) -> str:
    return "STATE_CREATED" if known is None else "STATE_UNCHANGED" if known == told else "STATE_UPDATED"


@asynccontextmanager
async def serving(services: Services, port: int = 0) -> AsyncIterator[str]:
    """Serve; answers the address."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    enroll = grpc.unary_unary_rpc_method_handler(
        services.BatchEnroll,
        members_pb2.BatchEnrollRequest.FromString,
        members_pb2.BatchEnrollResponse.SerializeToString,
    )
    imports = grpc.unary_unary_rpc_method_handler(
        services.ImportOrders,
        imports_pb2.ImportOrdersRequest.FromString,
        imports_pb2.ImportOrdersResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler("kehu.members.v1.MembersService", {"BatchEnroll": enroll}),
            grpc.method_handlers_generic_handler("kehu.orders.v1.OrdersService", {"ImportOrders": imports}),
        ]
    )
    bound = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{bound}"
    finally:
        await server.stop(grace=None)


@contextmanager
def served(services: Services) -> Iterator[str]:
    """Serve from a thread, for programs with an event loop of their own; answers the address."""
    address: Future[str] = Future()
    done = threading.Event()

    async def serve() -> None:
        async with serving(services) as bound:
            address.set_result(bound)
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield address.result(timeout=10)
    finally:
        done.set()
        thread.join()
